import type { Capabilities, Diagnostics } from '@gozolite/contract/capabilities';
import type { ExecuteRequest, Execution } from '@gozolite/contract/execution';
import type { Health, Readiness } from '@gozolite/contract/health';
import type { BatchAnswer, KeptExecution, KeptList } from '@gozolite/contract/kept/kept';
import type { Receipt } from '@gozolite/contract/receipt/receipt';
import type { Problem } from '@gozolite/contract/refusal';
import type { Usage } from '@gozolite/contract/tenancy/usage';
import type { SubmitRequest } from '@gozolite/contract/webhooks/webhook';
import { Admin } from './admin.js';
import { GozoConnectionError, GozoProblem } from './errors.js';
import { type ExecutionEvent, readEvents } from './events.js';
import type { InteractOptions, Talk } from './interact.js';
import type { CallOptions, ServiceCall, SubmitOptions } from './options.js';
import { breathe, patiently } from './patience.js';
import { Webhooks } from './webhooks.js';

export type { CallOptions, SubmitOptions } from './options.js';

export interface GozoOptions {
  /** Of the server, as http://127.0.0.1:7070. */
  readonly url: string | URL;
  /**
   * Where the server wants one: an API key (`gzl_…`), or a token of an issuer that it trusts. What
   * gives one is asked before each call, so that it can renew what expires.
   */
  readonly key?: string | (() => string | Promise<string>);
  /** The server's unix socket, for `interact`; the other calls have their own `fetch`. */
  readonly socketPath?: string;
  /** Another `fetch`, for a transport of your own. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/** What to list: without a word all of the tenant's, newest first. */
export interface ListQuery {
  readonly state?: 'queued' | 'running' | 'ended';
  readonly status?: Execution['status'];
  /** Its id. */
  readonly language?: string;
  readonly limit?: number;
  /** `next_cursor` of the page before. */
  readonly cursor?: string;
}

/** The server is asked again so often while it does not know the end. */
const WAIT_S = 30;

/**
 * A client of one GozoLite server, for Node and browsers.
 *
 * Every method rejects with `GozoProblem` where the server refused, and with `GozoConnectionError`
 * where no server answered. A program that failed is no error: read `status` of its record.
 */
export class Gozo {
  /** Tenants and keys, for a key with the scope `admin`. */
  readonly admin: Admin;
  /** Who is told as submitted programs end. */
  readonly webhooks: Webhooks;
  readonly #url: string;
  readonly #key: GozoOptions['key'];
  readonly #socketPath: string | undefined;
  readonly #fetch: NonNullable<GozoOptions['fetch']>;

  constructor({ url, key, fetch, socketPath }: GozoOptions) {
    this.#key = key;
    this.#socketPath = socketPath;
    this.#url = new URL(url).href.replace(/\/+$/, '');
    this.#fetch = fetch ?? ((target, init) => globalThis.fetch(target, init));
    const call: ServiceCall = (method, path, body, options = {}) =>
      this.#call(method, path, body === undefined ? options : { ...options, body });
    this.admin = new Admin(call);
    this.webhooks = new Webhooks(call);
  }

  /** Runs a program in a fresh sandbox and waits for its end. */
  async execute(request: ExecuteRequest, options: SubmitOptions = {}): Promise<Execution> {
    // A record is a record with any HTTP status: 500 and 503 say whose fault its failure is.
    return this.#call<Execution>('POST', '/execute', { ...options, body: request });
  }

  /** For Node: runs a program and talks to it meanwhile, over a WebSocket. */
  async interact(request: ExecuteRequest, options: InteractOptions = {}): Promise<Talk> {
    const headers = await this.#headers(options);
    const door = { url: this.#url, socketPath: this.#socketPath, headers };
    // Not before somebody wants it: a page has a WebSocket of its own.
    return (await import('./interact.js')).openTalk(door, request, options);
  }

  /** Has a program run without waiting for it: `wait` gives its record, `webhook` is told. */
  submit(request: SubmitRequest, options: SubmitOptions = {}): Promise<KeptExecution> {
    return this.#call('POST', '/executions', { ...options, body: request });
  }

  /** Up to a hundred at once, each accepted or refused by itself, in their order. */
  async submitBatch(
    executions: readonly SubmitRequest[],
    options: SubmitOptions = {},
  ): Promise<BatchAnswer['executions']> {
    const body = { executions };
    const answer = await this.#call<BatchAnswer>('POST', '/executions/batch', { ...options, body });
    return answer.executions;
  }

  /** How far it is; with its record where it has ended. */
  execution(id: string, options: CallOptions = {}): Promise<KeptExecution> {
    return this.#call('GET', pathOf(id), options);
  }

  /** The record of an execution, as soon as it has ended. */
  async wait(id: string, options: CallOptions = {}): Promise<Execution> {
    for (;;) {
      const path = `${pathOf(id)}?wait_s=${WAIT_S}`;
      const ask = () => this.#call<KeptExecution>('GET', path, options);
      const { record } = await patiently(ask, options);
      if (record !== undefined) return record;
    }
  }

  /** Ends it now, and gives it back as it ended. */
  cancel(id: string, options: CallOptions = {}): Promise<KeptExecution> {
    return this.#call('DELETE', pathOf(id), options);
  }

  executions(query: ListQuery = {}, options: CallOptions = {}): Promise<KeptList> {
    const given = Object.entries(query).filter(([, value]) => value !== undefined);
    const search = new URLSearchParams(
      given.map(([name, value]): [string, string] => [name, String(value)]),
    );
    return this.#call('GET', `/executions?${search}`, options);
  }

  /** What happens to an execution until it has ended. A connection that breaks is made again. */
  async *events(id: string, options: CallOptions = {}): AsyncGenerator<ExecutionEvent, void> {
    let last: string | undefined;
    for (;;) {
      const response = await patiently(() => this.#events(id, last, options), options);
      try {
        for await (const { id: seen, ...event } of readEvents(response)) {
          last = seen ?? last;
          yield event;
          if (event.name === 'ended') return;
        }
      } catch (error) {
        options.signal?.throwIfAborted();
        if (error instanceof SyntaxError) throw error;
      }
      await breathe(options);
    }
  }

  /** Languages, limits and the isolation in force. */
  capabilities(options: CallOptions = {}): Promise<Capabilities> {
    return this.#call('GET', '/capabilities', options);
  }

  /** Has the server look for toolchains again; then as `capabilities`. */
  refreshCapabilities(options: CallOptions = {}): Promise<Capabilities> {
    return this.#call('POST', '/capabilities/refresh', options);
  }

  /** What this key's tenant used, and what it may; of another one for who administers. */
  usage({ tenant, ...options }: CallOptions & { tenant?: string } = {}): Promise<Usage> {
    const search = tenant === undefined ? '' : `?${new URLSearchParams({ tenant })}`;
    return this.#call('GET', `/usage${search}`, options);
  }

  /** What is on record of an execution, signed: a DSSE envelope with its proof of inclusion. */
  receipt(executionId: string, options: CallOptions = {}): Promise<Receipt> {
    return this.#call('GET', `/executions/${encodeURIComponent(executionId)}/receipt`, options);
  }

  /** Each protection present or missing and why, toolchains, backends and load. */
  diagnostics(options: CallOptions = {}): Promise<Diagnostics> {
    return this.#call('GET', '/diagnostics', options);
  }

  /** Whether the server answers at all. */
  health(options: CallOptions = {}): Promise<Health> {
    return this.#call('GET', '/healthz', options);
  }

  /** Whether a program could run now. */
  readiness(options: CallOptions = {}): Promise<Readiness> {
    return this.#call('GET', '/readyz', options);
  }

  async #call<T>(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    { signal, body, ...options }: SubmitOptions & { readonly body?: unknown },
  ): Promise<T> {
    const url = `${this.#url}${path}`;
    const headers: Record<string, string> = {
      ...(await this.#headers(options)),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const init: RequestInit = {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    };
    const { response, text } = await this.#exchange(url, init);
    return this.#valueOf<T>(response, text, url);
  }

  async #headers({ requestId, idempotencyKey }: SubmitOptions): Promise<Record<string, string>> {
    const key = typeof this.#key === 'function' ? await this.#key() : this.#key;
    return {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(requestId === undefined ? {} : { 'x-request-id': requestId }),
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    };
  }

  async #events(
    id: string,
    last: string | undefined,
    { signal, ...options }: CallOptions,
  ): Promise<AsyncIterable<Uint8Array>> {
    const url = `${this.#url}${pathOf(id)}/events`;
    const since: Record<string, string> = last === undefined ? {} : { 'last-event-id': last };
    const init = {
      headers: { ...(await this.#headers(options)), ...since },
      ...(signal && { signal }),
    };
    const response = await this.#fetch(url, init).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw new GozoConnectionError(url, reasonOf(error), error);
    });
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
    if (isStream === true && response.body !== null) return response.body;
    this.#valueOf(response, await response.text(), url);
    throw new GozoConnectionError(url, `HTTP ${response.status} is no stream of events`);
  }

  #valueOf<T>(response: Response, text: string, url: string): T {
    const mediaType = (response.headers.get('content-type') ?? '').split(';', 1)[0]?.trim();
    const value = parse(text);
    if (mediaType === 'application/problem+json' && isProblem(value)) {
      throw new GozoProblem(value, retryAfterMsOf(response));
    }
    if (mediaType !== 'application/json' || typeof value !== 'object' || value === null) {
      throw new GozoConnectionError(url, `HTTP ${response.status} is no answer of GozoLite`);
    }
    // The server is believed here: its own tests hold its answers to the contract.
    return value as T;
  }

  async #exchange(url: string, init: RequestInit): Promise<{ response: Response; text: string }> {
    try {
      const response = await this.#fetch(url, init);
      return { response, text: await response.text() };
    } catch (error) {
      init.signal?.throwIfAborted();
      throw new GozoConnectionError(url, reasonOf(error), error);
    }
  }
}

function pathOf(id: string): string {
  return `/executions/${encodeURIComponent(id)}`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isProblem(value: unknown): value is Problem {
  if (typeof value !== 'object' || value === null) return false;
  return 'code' in value && 'detail' in value && 'status' in value && 'request_id' in value;
}

function retryAfterMsOf(response: Response): number | undefined {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) ? seconds * 1000 : undefined;
}

/** fetch says "fetch failed" and hides the reason in `cause`. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no answer';
  return error.cause instanceof Error && error.cause.message !== ''
    ? error.cause.message
    : error.message;
}
