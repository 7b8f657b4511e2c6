/** Why a pack could not be built, read or put in place; the message says what to do. */
export class PackError extends Error {
  override readonly name = 'PackError';
}

/** Whether an error of the file system or of a tool says that the disk is full. */
export function saysDiskFull(error: unknown): boolean {
  return (
    error instanceof Error &&
    /ENOSPC|EDQUOT|No space left on device|enough free space in/.test(error.message)
  );
}

/** A name that stands for no pack. */
export class UnknownPackError extends Error {
  override readonly name = 'UnknownPackError';
}
