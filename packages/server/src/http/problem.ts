import { PROBLEMS, type Problem, type ProblemCode, type Refusal } from '@gozolite/contract/refusal';

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** What OpenAPI says of each refusal, beside its description. */
export const PROBLEM_ANSWER = { schema: 'Problem', mediaType: PROBLEM_MEDIA_TYPE };

const TITLES: Readonly<Record<ProblemCode, string>> = {
  BAD_JSON: 'The body is not JSON',
  BAD_REQUEST: 'The request is malformed',
  UNKNOWN_FIELD: 'The request has a field that does not exist',
  UNAUTHENTICATED: 'An API key or a token is needed',
  FORBIDDEN: 'Not allowed',
  NOT_FOUND: 'No such resource',
  METHOD_NOT_ALLOWED: 'The resource does not have this method',
  REQUEST_TIMEOUT: 'The request took too long to arrive',
  CONFLICT: 'It does not fit what there is',
  IDEMPOTENCY_CONFLICT: 'The first request with this key has no answer for this one',
  BODY_TOO_LARGE: 'The request is too large',
  UNSUPPORTED_MEDIA_TYPE: 'The body is not application/json',
  UNKNOWN_LANGUAGE: 'No such language',
  UNKNOWN_DATA: 'No such data set',
  IDEMPOTENCY_MISMATCH: 'The key was used for something else',
  LIMIT_TOO_HIGH: 'A limit is above its ceiling',
  LIMIT_TOO_LOW: 'A limit is below its floor',
  INVALID_VALUE: 'A value is not allowed',
  UPGRADE_REQUIRED: 'It is for WebSockets',
  RATE_LIMITED: 'Too many requests',
  QUOTA_EXCEEDED: 'A quota is used up',
  HEADERS_TOO_LARGE: 'The request headers are too large',
  INTERNAL: 'The server failed',
  AUDIT_UNAVAILABLE: 'It can not be put on record',
  STORE_UNAVAILABLE: 'The store can not be reached',
  ISSUER_UNAVAILABLE: 'Who signed the token can not be asked',
  OVERLOADED: 'Too much to do',
  DRAINING: 'The server is stopping',
};

/** The wire form of a refusal (RFC 9457). `type` is a tag URI: it names, nobody has to fetch it. */
export function problemOf(refusal: Refusal, requestId: string): Problem {
  return {
    type: `tag:gozolite,2026:problem:${refusal.code}`,
    title: TITLES[refusal.code],
    status: PROBLEMS[refusal.code],
    code: refusal.code,
    detail: refusal.detail,
    request_id: requestId,
    ...(refusal.errors === undefined ? {} : { errors: [...refusal.errors] }),
    ...(refusal.limit === undefined ? {} : { limit: refusal.limit }),
    ...(refusal.nearest === undefined ? {} : { nearest: [...refusal.nearest] }),
  };
}

/** `Retry-After` in whole seconds, rounded up (RFC 9110 §10.2.3); undefined if none is foreseen. */
export function retryAfterOf(refusal: Refusal): string | undefined {
  const waitMs = refusal.retryAfterMs;
  return waitMs === undefined ? undefined : String(Math.max(1, Math.ceil(waitMs / 1000)));
}

const WINDOW_S: Readonly<Record<string, number>> = { hour: 3600, day: 86_400 };

/**
 * `RateLimit` and `RateLimit-Policy` of who was refused by a limit
 * (draft-ietf-httpapi-ratelimit-headers-10); a month has no length of its own.
 */
export function rateLimitHeaders(refusal: Refusal): Readonly<Record<string, string>> {
  const { limit } = refusal;
  if (limit?.remaining === undefined) return {};
  const { name, quota } = limit;
  const seconds = retryAfterOf(refusal);
  const resets = seconds === undefined ? '' : `;t=${seconds}`;
  const windowS = WINDOW_S[name.split('/')[1] ?? ''];
  const unit = name.startsWith('output_bytes/') ? ';qu="content-bytes"' : '';
  const window = windowS === undefined ? '' : `;w=${windowS}`;
  return {
    ratelimit: `"${name}";r=${Math.floor(limit.remaining)}${resets}`,
    ...(quota === undefined ? {} : { 'ratelimit-policy': `"${name}";q=${quota}${unit}${window}` }),
  };
}
