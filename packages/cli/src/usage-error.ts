/** What was typed cannot be done; nothing was run. The message is for the person who typed it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
