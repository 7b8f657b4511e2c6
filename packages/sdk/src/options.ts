export interface CallOptions {
  /** Aborting it rejects with the signal's reason; a running execution is cancelled at once. */
  readonly signal?: AbortSignal;
  /** Sent as `X-Request-Id`: up to 128 letters, digits and any of ._:+/=@- */
  readonly requestId?: string;
}

export interface SubmitOptions extends CallOptions {
  /**
   * Sent as `Idempotency-Key`: the same key with the same request is done once and answered the
   * same, for 24 hours. A UUID for example.
   */
  readonly idempotencyKey?: string;
}

/** One call to the server: method, path, and a body that becomes JSON. */
export type ServiceCall = <T>(
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: unknown,
  options?: SubmitOptions,
) => Promise<T>;
