import {
  type Context,
  type HrTime,
  type Link,
  type Span as OtelSpan,
  type Tracer as OtelTracer,
  ROOT_CONTEXT,
  SpanKind,
  type SpanOptions,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import type { RequestSpan, Span, SpanAttributes, Stretch } from './span.js';

/** What the spans of one request have in common. */
export interface Making {
  readonly tracer: OtelTracer;
  /** From `performance.now()` to milliseconds since 1970: one for all, so that they nest. */
  readonly offsetMs: number;
}

/** The span of a request that came from elsewhere, from now. */
export function requestSpan(making: Making, parent: Context): RequestSpan {
  return spanOf(making, parent, { name: 'request', kind: SpanKind.SERVER });
}

interface Start {
  readonly name: string;
  readonly kind?: SpanKind;
  /** Of `performance.now()`; absent: now. */
  readonly fromMs?: number;
  readonly links?: Link[];
  readonly attributes?: SpanAttributes | undefined;
}

function spanOf(making: Making, context: Context, told: Start): RequestSpan {
  const { name, kind = SpanKind.INTERNAL, fromMs = performance.now(), links, attributes } = told;
  const options: SpanOptions = { kind, startTime: timeOf(making, fromMs) };
  if (links !== undefined) options.links = links;
  if (attributes !== undefined) options.attributes = { ...attributes };
  const own = making.tracer.startSpan(name, options, context);
  return own.isRecording() ? new Recorded(making, own, context) : silent(namesOf(own));
}

/** From its beginning to its end. A dozen and more for each request: they share their methods. */
class Recorded implements RequestSpan {
  readonly traceId: string;
  readonly traceparent: string;
  readonly #making: Making;
  readonly #own: OtelSpan;
  readonly #around: Context;
  #inside: Context | undefined;

  constructor(making: Making, own: OtelSpan, around: Context) {
    const { traceId, traceparent } = namesOf(own);
    this.traceId = traceId;
    this.traceparent = traceparent;
    this.#making = making;
    this.#own = own;
    this.#around = around;
  }

  begin(name: string, attributes?: SpanAttributes): Span {
    return spanOf(this.#making, this.#context(), { name, attributes });
  }

  beginLinked(name: string, attributes?: SpanAttributes): Span {
    const links = [{ context: this.#own.spanContext() }];
    return spanOf(this.#making, ROOT_CONTEXT, { name, attributes, links });
  }

  add(name: string, { fromMs, untilMs }: Stretch, attributes?: SpanAttributes): Span {
    const part = spanOf(this.#making, this.#context(), { name, attributes, fromMs });
    if (part instanceof Recorded) part.#endAt(Math.max(fromMs, untilMs));
    return part;
  }

  set(attributes: SpanAttributes): void {
    this.#own.setAttributes({ ...attributes });
  }

  rename(name: string): void {
    this.#own.updateName(name);
  }

  end(failure?: string): void {
    if (failure !== undefined) {
      this.#own.setAttribute('error.type', failure);
      this.#own.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.#endAt(performance.now());
  }

  #endAt(atMs: number): void {
    this.#own.end(timeOf(this.#making, atMs));
  }

  /** Most have no parts: what those need is made for the first one. */
  #context(): Context {
    this.#inside ??= trace.setSpan(this.#around, this.#own);
    return this.#inside;
  }
}

type Names = Pick<Span, 'traceId' | 'traceparent'>;

function namesOf(own: OtelSpan): Names {
  const { traceId, spanId, traceFlags } = own.spanContext();
  return { traceId, traceparent: `00-${traceId}-${spanId}-0${traceFlags & TraceFlags.SAMPLED}` };
}

/** Of a trace that is not kept: all its parts are this one. */
function silent(names: Names): RequestSpan {
  const nothing = () => {};
  const span: RequestSpan = {
    ...names,
    begin: () => span,
    beginLinked: () => span,
    add: () => span,
    set: nothing,
    rename: nothing,
    end: nothing,
  };
  return span;
}

function timeOf({ offsetMs }: Making, atMs: number): HrTime {
  const ms = offsetMs + atMs;
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}
