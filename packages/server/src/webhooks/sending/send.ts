import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { AttemptOutcome } from '@gozolite/contract/webhooks/webhook';
import type { Address, Guard } from './address.js';
import type { Resolve } from './resolve.js';
import { hostOf } from './target.js';

export interface SendDeps {
  readonly resolve: Resolve;
  readonly guard: Guard;
  readonly timeMsMax: number;
  /** Of who signs https; absent: those that Node trusts. */
  readonly ca?: string;
}

export interface Post {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What one attempt came to. */
export interface Sent {
  readonly outcome: AttemptOutcome;
  readonly httpStatus: number | null;
  readonly detail: string;
  /** As long as the receiver wants to be left alone; 0 where it does not say. */
  readonly retryAfterMs: number;
}

/** Of an answer, which is of no interest: its status is. */
const ANSWER_BYTES_MAX = 64 * 1024;
const HEADER_BYTES_MAX = 16 * 1024;

/**
 * Posts to an address that was looked at: the name is resolved once, every address of it has to be
 * in order, and the connection goes to these and nowhere else. No redirect is followed. Never
 * rejects.
 */
export async function send(deps: SendDeps, post: Post): Promise<Sent> {
  const signal = AbortSignal.timeout(deps.timeMsMax);
  const host = hostOf(post.url);
  let addresses: readonly Address[];
  try {
    addresses = await Promise.race([deps.resolve(host), rejection(signal)]);
  } catch (error) {
    if (signal.aborted) return lateOf(deps.timeMsMax);
    return failed('name', `${host} could not be resolved: ${reasonOf(error)}`);
  }
  if (addresses.length === 0) return failed('name', `${host} has no address`);
  for (const address of addresses) {
    const fault = deps.guard.faultOf(address);
    // One inner address among others is one too many: which one is taken is chance. It is not
    // told which: what inner names lead to is nobody's business.
    if (fault !== undefined) return failed('address', `of an address of ${host}: ${fault}`);
  }
  return exchange(deps, { ...post, host, addresses, signal });
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

interface Checked extends Post {
  readonly host: string;
  readonly addresses: readonly Address[];
  readonly signal: AbortSignal;
}

function exchange(deps: SendDeps, checked: Checked): Promise<Sent> {
  return new Promise((resolve) => {
    const { url, headers, body, signal } = checked;
    const bytes = Buffer.from(body);
    const request = open(deps, checked, {
      ...headers,
      'content-type': 'application/json',
      'content-length': String(bytes.length),
    });
    request.once('socket', (socket) => {
      socket.once('connect', () => {
        // What was asked for is what has been reached.
        const isChecked = checked.addresses.some((each) => each.address === socket.remoteAddress);
        if (!isChecked) request.destroy(new Error(`${socket.remoteAddress} was not looked at`));
      });
    });
    let answer: IncomingMessage | undefined;
    request.on('error', (error) => {
      if (answer !== undefined) resolve(judged(answer));
      else if (signal.aborted) resolve(lateOf(deps.timeMsMax));
      else resolve(failed('connection', `${url.host}: ${reasonOf(error)}`));
    });
    request.once('response', (response) => {
      answer = response;
      drain(response, () => resolve(judged(response)));
    });
    request.end(bytes);
  });
}

function open(
  deps: SendDeps,
  { url, host, addresses, signal }: Checked,
  headers: Readonly<Record<string, string>>,
): ClientRequest {
  const lookup: LookupFunction = (_host, { all }, done) => {
    const [first] = addresses;
    if (all === true) done(null, [...addresses]);
    else done(null, first?.address ?? '', first?.family);
  };
  const options = {
    ...{ method: 'POST', host, path: `${url.pathname}${url.search}`, headers, lookup, signal },
    // None is kept: who waits for it would be told by nobody that it was closed meanwhile.
    ...{ agent: false, setHost: true, maxHeaderSize: HEADER_BYTES_MAX },
    ...(url.port === '' ? {} : { port: Number(url.port) }),
  };
  if (url.protocol === 'http:') return requestHttp(options);
  // An address is no name to ask for (RFC 6066 §3); the certificate has to have it all the same.
  const servername = isIP(host) === 0 ? { servername: host.replace(/\.$/, '') } : {};
  return requestHttps({ ...options, ...servername, ...(deps.ca && { ca: deps.ca }) });
}

/** As much of the answer as is polite, so that the receiver sees no broken connection. */
function drain(response: IncomingMessage, done: () => void): void {
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) response.destroy();
  });
  response.once('error', () => response.destroy());
  response.once('close', done);
}

function judged({ statusCode: status = 0, headers }: IncomingMessage): Sent {
  const retryAfterMs = retryAfterOf(headers['retry-after']);
  if (status >= 200 && status < 300) {
    return { outcome: 'delivered', httpStatus: status, detail: '', retryAfterMs: 0 };
  }
  const redirect = status >= 300 && status < 400 ? '; redirects are not followed' : '';
  const detail = `it answered ${status}${redirect}`;
  return { outcome: 'status', httpStatus: status, detail, retryAfterMs };
}

/** Seconds, or a date (RFC 9110 §10.2.3). */
function retryAfterOf(text: string | undefined): number {
  if (text === undefined) return 0;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? 0 : Math.max(0, at - Date.now());
}

function lateOf(timeMsMax: number): Sent {
  return failed('timeout', `no answer within ${timeMsMax / 1000} seconds`);
}

function failed(outcome: AttemptOutcome, detail: string): Sent {
  return { outcome, httpStatus: null, detail: detail.slice(0, 256), retryAfterMs: 0 };
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
