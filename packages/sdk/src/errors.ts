import type { FieldError, Problem, ProblemCode } from '@gozolite/contract/refusal';

/** The server refused before anything ran, and said why (RFC 9457). */
export class GozoProblem extends Error {
  override readonly name = 'GozoProblem';
  readonly code: ProblemCode;
  readonly status: number;
  readonly requestId: string;
  /** Each offending member, by JSON pointer. */
  readonly errors: readonly FieldError[];
  /** Nearest known names, for `UNKNOWN_LANGUAGE`. */
  readonly nearest: readonly string[];
  /** When to try again, where the server foresees it. */
  readonly retryAfterMs: number | undefined;

  constructor(problem: Problem, retryAfterMs: number | undefined) {
    super(problem.detail);
    this.code = problem.code;
    this.status = problem.status;
    this.requestId = problem.request_id;
    this.errors = problem.errors ?? [];
    this.nearest = problem.nearest ?? [];
    this.retryAfterMs = retryAfterMs;
  }
}

/** No answer of GozoLite: nothing listens, the connection broke, or something else answered. */
export class GozoConnectionError extends Error {
  override readonly name = 'GozoConnectionError';
  readonly url: string;

  constructor(url: string, reason: string, cause?: unknown) {
    super(`${url}: ${reason}`, { cause });
    this.url = url;
  }
}
