import type { IncomingHttpHeaders } from 'node:http';

/** Which pages of other origins may use this server from their visitors' browsers. */
export interface Cors {
  allows(origin: string | undefined): origin is string;
  /** With an answer to a page of this origin. */
  headersFor(origin: string): Readonly<Record<string, string>>;
  /** The answer to a browser that asks beforehand; undefined where it does not. */
  preflightFor(asked: Preflight): Readonly<Record<string, string>> | undefined;
}

export interface Preflight {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
}

/** What the API reads and what it tells beside the body. No cookie, so no credentials. */
const HEADERS_READ =
  'authorization, content-type, idempotency-key, last-event-id, traceparent, x-request-id';
const HEADERS_TOLD = 'location, ratelimit, ratelimit-policy, retry-after, x-request-id';
const PREFLIGHT_S = '600';

/** @param origins as browsers write them; `*` is every one. Empty: no page at all */
export function createCors(origins: readonly string[]): Cors | undefined {
  if (origins.length === 0) return undefined;
  const isOpen = origins.includes('*');
  const known = new Set(origins);
  const allows = (origin: string | undefined): origin is string =>
    origin !== undefined && (isOpen || known.has(origin.toLowerCase()));
  return {
    allows,
    headersFor: (origin) => ({
      'access-control-allow-origin': isOpen ? '*' : origin,
      'access-control-expose-headers': HEADERS_TOLD,
      'cross-origin-resource-policy': 'cross-origin',
    }),
    preflightFor: ({ method, headers }) => {
      const asked = headers['access-control-request-method'];
      if (method !== 'OPTIONS' || asked === undefined || !allows(headers.origin)) return undefined;
      return {
        'access-control-allow-methods': 'GET, POST, DELETE',
        'access-control-allow-headers': HEADERS_READ,
        'access-control-max-age': PREFLIGHT_S,
      };
    },
  };
}
