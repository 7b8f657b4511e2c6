import type { IncomingMessage } from 'node:http';
import type { Refusal } from '@gozolite/contract/refusal';

/** More than any client sends; beside the 16 KiB that all of them may be together. */
const HEADERS_MAX = 100;

/** Of these a second one would mean something else to a proxy than to us (RFC 9110 §5.3). */
const ONCE = new Set([
  'host',
  'content-type',
  'content-encoding',
  'authorization',
  'idempotency-key',
  'origin',
  'last-event-id',
]);

/**
 * What makes it unsure where a request ends: what comes behind it on its connection may be a part
 * of it to somebody else, and is not read (RFC 9112 §6.3 and §11.2).
 */
export function framingFault(request: IncomingMessage): Refusal | undefined {
  return versionFault(request) ?? headersFault(request.rawHeaders) ?? transferFault(request);
}

function versionFault({ httpVersion }: IncomingMessage): Refusal | undefined {
  if (httpVersion === '1.1' || httpVersion === '1.0') return undefined;
  return malformed('This server speaks HTTP/1.1.');
}

function headersFault(rawHeaders: readonly string[]): Refusal | undefined {
  if (rawHeaders.length > 2 * HEADERS_MAX) {
    return { code: 'HEADERS_TOO_LARGE', detail: `More than ${HEADERS_MAX} headers.` };
  }
  const seen = new Set<string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    if (!ONCE.has(name)) continue;
    if (seen.has(name)) return malformed(`There is more than one ${name} header.`);
    seen.add(name);
  }
  return undefined;
}

/** What two readers could take for bodies of different lengths (RFC 9112 §6.1). */
function transferFault({ headers, httpVersion }: IncomingMessage): Refusal | undefined {
  const coding = headers['transfer-encoding'];
  if (coding === undefined) return undefined;
  if (coding.toLowerCase() !== 'chunked') return malformed('Transfer-Encoding is chunked only.');
  return httpVersion === '1.0' ? malformed('HTTP/1.0 has no Transfer-Encoding.') : undefined;
}

/** What a target alone says, before anything is done with it. */
export function targetFault(url: string): Refusal | undefined {
  // A byte that is no visible ASCII has to come as %-escape (RFC 3986 §2).
  if (!/^[\x21-\x7e]*$/.test(url)) return malformed('The request target is not ASCII.');
  // RFC 9112 §3.2: a fragment is not sent.
  if (url.includes('#')) return malformed('The request target has a fragment.');
  const [path = '', ...rest] = url.split('?');
  const query = rest.join('?');
  if (textOf(path) === undefined || textOf(query) === undefined) {
    return malformed('The escapes of the request target are not UTF-8, or have a NUL.');
  }
  const names = query.split('&').map((pair) => pair.split('=', 1)[0] ?? '');
  const known = new Set<string>();
  for (const name of names.filter((each) => each !== '')) {
    const decoded = textOf(name.replaceAll('+', ' ')) ?? name;
    if (known.has(decoded)) return malformed(`The parameter "${decoded}" stands twice.`);
    known.add(decoded);
  }
  return undefined;
}

/** Undefined where it is not whole: no store takes a NUL, no text half a character. */
function textOf(escaped: string): string | undefined {
  try {
    const text = decodeURIComponent(escaped);
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}

function malformed(detail: string): Refusal {
  return { code: 'BAD_REQUEST', detail };
}

const ABSOLUTE = /^http:\/\/([^/?#]*)([^#]*)/i;

/**
 * The path and query of a request's target. One that is a whole URL, as a proxy is asked, names
 * the host as well, and its Host header counts no more (RFC 9112 §3.2.2).
 */
export function targetOf(request: Pick<IncomingMessage, 'url' | 'headers'>): string {
  const url = request.url ?? '/';
  const [, host, rest = ''] = ABSOLUTE.exec(url) ?? [];
  if (host === undefined) return url;
  request.headers.host = host;
  return rest.startsWith('/') ? rest : `/${rest}`;
}
