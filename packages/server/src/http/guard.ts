import type { IncomingHttpHeaders } from 'node:http';
import type { Refusal } from '@gozolite/contract/refusal';

const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i;

export interface Incoming {
  readonly method: string;
  readonly httpVersion: string;
  readonly headers: IncomingHttpHeaders;
  /** Its origin is one that the owner lets in (CORS). */
  readonly isWelcome?: boolean;
}

/**
 * With keys, a page has none to send, and may send none unless its origin is let in (CORS). So any
 * name of the server will do.
 */
export function guardKeyed({ httpVersion, headers }: Incoming): Refusal | undefined {
  return headers.host === undefined && httpVersion !== '1.0' ? NO_HOST : undefined;
}

const NO_HOST: Refusal = { code: 'BAD_REQUEST', detail: 'HTTP/1.1 needs a Host header.' };

/**
 * Keeps web pages away from a server that has no keys. A page can make its visitor's browser send
 * requests to loopback, under its own name (DNS rebinding: the Host header tells) or across sites
 * (Origin and Sec-Fetch-Site tell; a page can't forge either). A program that is no browser sends
 * neither and passes. Following a link (a navigation by GET) only shows the reader his own server.
 */
export function guardLoopback(incoming: Incoming): Refusal | undefined {
  const { method, httpVersion, headers, isWelcome = false } = incoming;
  const host = headers.host;
  if (host === undefined) {
    return httpVersion === '1.0' ? undefined : NO_HOST;
  }
  if (!LOOPBACK_HOST.test(host)) {
    const detail = 'Without API keys this server answers to localhost, 127.0.0.1 and [::1] only.';
    return { code: 'FORBIDDEN', detail };
  }
  if (isWelcome) return undefined;
  const { origin } = headers;
  const site = headers['sec-fetch-site'];
  const isNavigation = method === 'GET' && headers['sec-fetch-mode'] === 'navigate';
  const isForeign =
    (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`) ||
    site === 'cross-site' ||
    site === 'same-site';
  return isForeign && !isNavigation
    ? { code: 'FORBIDDEN', detail: 'Without API keys no other web site may use this server.' }
    : undefined;
}
