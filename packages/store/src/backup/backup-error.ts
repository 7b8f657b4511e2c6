/** It can't be backed up or brought back, for a reason that people can do something about. */
export class BackupError extends Error {
  override readonly name = 'BackupError';
}
