/** The audit log is not as it was written, or can't be read or written. */
export class AuditError extends Error {
  override readonly name = 'AuditError';
}
