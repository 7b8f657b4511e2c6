import type { FieldError, Problem, ProblemCode } from '@gozolite/contract/refusal';
import type { LimitMet } from '@gozolite/contract/tenancy/usage';

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
  /** Which limit was met, for `RATE_LIMITED` and `QUOTA_EXCEEDED`. */
  readonly limit: LimitMet | undefined;
  /** When to try again, where the server foresees it. */
  readonly retryAfterMs: number | undefined;

  constructor(problem: Problem, retryAfterMs: number | undefined) {
    super(problem.detail);
    this.code = problem.code;
    this.status = problem.status;
    this.requestId = problem.request_id;
    this.errors = problem.errors ?? [];
    this.nearest = problem.nearest ?? [];
    this.limit = problem.limit;
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
