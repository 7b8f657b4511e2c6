/**
 * Everything that a span can say. The list is closed as that of log lines is: code, input, output,
 * file names and keys have no member here.
 */
export interface SpanAttributes {
  readonly 'http.request.method'?: string;
  readonly 'http.route'?: string;
  readonly 'http.response.status_code'?: number;
  readonly 'url.scheme'?: string;
  readonly 'network.protocol.version'?: string;
  /** Of what failed: a code. */
  readonly 'error.type'?: string;
  readonly 'gozolite.request.id'?: string;
  readonly 'gozolite.request.aborted'?: boolean;
  readonly 'gozolite.refusal'?: string;
  readonly 'gozolite.tenant'?: string;
  readonly 'gozolite.execution.id'?: string;
  readonly 'gozolite.language'?: string;
  readonly 'gozolite.language.version'?: string;
  readonly 'gozolite.status'?: string;
  readonly 'gozolite.limit'?: string;
  readonly 'gozolite.outcome'?: string;
  readonly 'gozolite.setup_step'?: string;
  readonly 'gozolite.prepared'?: boolean;
  readonly 'gozolite.cpu_ms'?: number;
  readonly 'gozolite.memory_kb'?: number;
}

/** The parts of a trace; a request's own span has the name of its method and route. */
export type SpanName =
  | 'receive'
  | 'authenticate'
  | 'rate limit'
  | 'validate'
  | 'quota'
  | 'execution'
  | 'execute'
  | 'queue'
  | 'prepare'
  | 'compile'
  | 'run'
  | 'hand over'
  | 'sandbox'
  | 'program'
  | 'collect'
  | 'capture'
  | 'record'
  | 'audit'
  | 'store';

/** Between two moments of `performance.now()`. */
export interface Stretch {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** One part of what a request goes through. No call of it throws, waits or does any I/O. */
export interface Span {
  /** 32 hex digits, for log lines. */
  readonly traceId: string;
  /** For the header of that name, so that others go on from here (W3C Trace Context). */
  readonly traceparent: string;
  /** A part of this one, from now. */
  begin(name: SpanName, attributes?: SpanAttributes): Span;
  /** A trace of its own, from now, that tells where it was asked for. */
  beginLinked(name: SpanName, attributes?: SpanAttributes): Span;
  /** A part of this one that is over. */
  add(name: SpanName, stretch: Stretch, attributes?: SpanAttributes): Span;
  set(attributes: SpanAttributes): void;
  /** @param failure a code, where it is our side that failed */
  end(failure?: string): void;
}

/** What a caller says of the trace that its request is part of, as it says it. */
export interface IncomingTrace {
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
}

/** Makes spans and sends them. Disposing of it sends what is left, for two seconds at most. */
export interface Tracer extends AsyncDisposable {
  /** The span of a request, from now. @param name may be told better by `rename` */
  request(incoming: IncomingTrace): RequestSpan;
}

export interface RequestSpan extends Span {
  rename(name: string): void;
}
