/** Of the system, as Node tells them. */
const SYSTEM = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT'],
  ...['EPIPE', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ENOENT'],
]);

/**
 * Of Postgres (Appendix A of its manual): connections (08), resources such as a full disk or too
 * many clients (53), shutdowns and starts (57P), a server that only reads (25006), system (58).
 */
const STATES = /^(08...|53...|57P0[1-5]|25006|58...)$/;

/** Of the library, which has no codes for them. */
const WORDS = [
  'Connection terminated',
  'Client has encountered a connection error',
  'timeout exceeded when trying to connect',
  'Query read timeout',
];

/** Whether an error says that the database server can't be used now, and not that we are wrong. */
export function isAway(error: Error): boolean {
  if (error instanceof AggregateError) {
    return error.errors.some((each) => each instanceof Error && isAway(each));
  }
  const code = 'code' in error ? String(error.code) : '';
  return (
    SYSTEM.has(code) || STATES.test(code) || WORDS.some((words) => error.message.startsWith(words))
  );
}
