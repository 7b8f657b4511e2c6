import { randomUUID } from 'node:crypto';

/** Printable, without quotes, spaces or anything that a log or a header would have to escape. */
const SANE = /^[A-Za-z0-9._:+/=@-]{1,128}$/;

/** The caller's `X-Request-Id` where it is sane; else one of our own. */
export function requestIdFrom(header: string | readonly string[] | undefined): string {
  return typeof header === 'string' && SANE.test(header) ? header : makeRequestId();
}

export function makeRequestId(): string {
  return `req_${randomUUID()}`;
}
