import { type Static, Type } from 'typebox';
import type { Scope } from './tenancy/scope.js';
import { LimitMet } from './tenancy/usage.js';

/** Every problem code with its HTTP status: the one list, to which the docs are held. */
export const PROBLEMS = {
  BAD_JSON: 400,
  BAD_REQUEST: 400,
  UNKNOWN_FIELD: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  REQUEST_TIMEOUT: 408,
  CONFLICT: 409,
  IDEMPOTENCY_CONFLICT: 409,
  BODY_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  UNKNOWN_LANGUAGE: 422,
  UNKNOWN_DATA: 422,
  IDEMPOTENCY_MISMATCH: 422,
  LIMIT_TOO_HIGH: 422,
  LIMIT_TOO_LOW: 422,
  INVALID_VALUE: 422,
  UPGRADE_REQUIRED: 426,
  RATE_LIMITED: 429,
  QUOTA_EXCEEDED: 429,
  HEADERS_TOO_LARGE: 431,
  INTERNAL: 500,
  AUDIT_UNAVAILABLE: 503,
  STORE_UNAVAILABLE: 503,
  ISSUER_UNAVAILABLE: 503,
  OVERLOADED: 503,
  DRAINING: 503,
} as const;
export type ProblemCode = keyof typeof PROBLEMS;

/** One offending member: where (RFC 6901 pointer), what, and what would be right. */
export const FieldError = Type.Object(
  {
    pointer: Type.String({ description: 'JSON pointer (RFC 6901) into the request body.' }),
    code: Type.String(),
    detail: Type.String(),
  },
  { additionalProperties: false },
);
export type FieldError = Static<typeof FieldError>;

/** A no before running. It carries data; the edge writes the sentence. */
export interface Refusal {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly errors?: readonly FieldError[];
  readonly retryAfterMs?: number;
  /** Nearest known names, for `UNKNOWN_LANGUAGE`. */
  readonly nearest?: readonly string[];
  /** The one that was met, for `RATE_LIMITED` and `QUOTA_EXCEEDED`. */
  readonly limit?: LimitMet;
  /** What is wrong with the credentials that came, in the words of RFC 6750 §3.1. */
  readonly bearer?: BearerFault;
}

export type BearerFault =
  | { readonly error: 'invalid_token' }
  /** A scope that would do. */
  | { readonly error: 'insufficient_scope'; readonly scope: Scope };

/** application/problem+json, RFC 9457. */
export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.Unsafe<ProblemCode>(
      Type.Union(
        Object.keys(PROBLEMS).map((code) => Type.Literal(code)),
        { description: 'Machine-readable; docs/reference/errors.md lists all.' },
      ),
    ),
    detail: Type.String(),
    request_id: Type.String(),
    errors: Type.Optional(Type.Array(FieldError)),
    nearest: Type.Optional(Type.Array(Type.String())),
    limit: Type.Optional(LimitMet),
  },
  { additionalProperties: true },
);
export type Problem = Static<typeof Problem>;
