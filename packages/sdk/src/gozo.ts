import type { Capabilities, Diagnostics } from '@gozolite/contract/capabilities';
import type { ExecuteRequest, Execution } from '@gozolite/contract/execution';
import type { Health, Readiness } from '@gozolite/contract/health';
import type { Problem } from '@gozolite/contract/refusal';
import type { Usage } from '@gozolite/contract/tenancy/usage';
import { Admin } from './admin.js';
import { GozoConnectionError, GozoProblem } from './errors.js';

export interface GozoOptions {
  /** Of the server, as http://127.0.0.1:7070. */
  readonly url: string | URL;
  /** An API key (`gzl_…`), where the server wants one. */
  readonly key?: string;
  /** Another `fetch`, for a transport of your own. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

export interface CallOptions {
  /** Aborting it rejects with the signal's reason; a running execution is cancelled at once. */
  readonly signal?: AbortSignal;
  /** Sent as `X-Request-Id`: up to 128 letters, digits and any of ._:+/=@- */
  readonly requestId?: string;
}

/**
 * A client of one GozoLite server, for Node and browsers.
 *
 * Every method rejects with `GozoProblem` where the server refused, and with `GozoConnectionError`
 * where no server answered. A program that failed is no error: read `status` of its record.
 */
export class Gozo {
  /** Tenants and keys, for a key with the scope `admin`. */
  readonly admin: Admin;
  readonly #url: string;
  readonly #key: string | undefined;
  readonly #fetch: NonNullable<GozoOptions['fetch']>;

  constructor({ url, key, fetch }: GozoOptions) {
    this.#key = key;
    this.#url = new URL(url).href.replace(/\/+$/, '');
    this.#fetch = fetch ?? ((target, init) => globalThis.fetch(target, init));
    this.admin = new Admin((method, path, body) =>
      this.#call(method, path, body === undefined ? {} : { body: JSON.stringify(body) }),
    );
  }

  /** Runs a program in a fresh sandbox and waits for its end. */
  async execute(request: ExecuteRequest, options: CallOptions = {}): Promise<Execution> {
    const body = JSON.stringify(request);
    // A record is a record with any HTTP status: 500 and 503 say whose fault its failure is.
    return this.#call<Execution>('POST', '/execute', { ...options, body });
  }

  /** Languages, limits and the isolation in force. */
  capabilities(options: CallOptions = {}): Promise<Capabilities> {
    return this.#call('GET', '/capabilities', options);
  }

  /** Has the server look for toolchains again; then as `capabilities`. */
  refreshCapabilities(options: CallOptions = {}): Promise<Capabilities> {
    return this.#call('POST', '/capabilities/refresh', options);
  }

  /** What this key's tenant used, and what it may. */
  usage(options: CallOptions = {}): Promise<Usage> {
    return this.#call('GET', '/usage', options);
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
    method: 'GET' | 'POST',
    path: string,
    { signal, requestId, body }: CallOptions & { readonly body?: string },
  ): Promise<T> {
    const url = `${this.#url}${path}`;
    const headers: Record<string, string> = {
      ...(this.#key === undefined ? {} : { authorization: `Bearer ${this.#key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(requestId === undefined ? {} : { 'x-request-id': requestId }),
    };
    const init: RequestInit = {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    };
    const { response, text } = await this.#exchange(url, init);
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
