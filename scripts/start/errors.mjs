/** A start that can't go on, in words that say what to do. Exit codes are those of sysexits.h. */
export class StartError extends Error {
  constructor(message, exitCode = 1) {
    super(message);
    this.name = 'StartError';
    this.exitCode = exitCode;
  }
}

/** EX_CONFIG: a bad value in the environment or the configuration; restarting changes nothing. */
export const EXIT_CONFIG = 78;
/** EX_NOPERM: not allowed to do what a start has to do. */
export const EXIT_NOPERM = 77;
