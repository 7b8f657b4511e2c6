import {
  type Context,
  type HrTime,
  type Link,
  type Span as OtelSpan,
  type Tracer as OtelTracer,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import type { RequestSpan, Span, SpanAttributes } from './span.js';

/** What the spans of one request have in common. */
export interface Making {
  readonly tracer: OtelTracer;
  /** From `performance.now()` to milliseconds since 1970: one for all, so that they nest. */
  readonly offsetMs: number;
}

/** The span of a request that came from elsewhere, from now. */
export function requestSpan(making: Making, parent: Context): RequestSpan {
  const own = start(making, parent, { name: 'request', kind: SpanKind.SERVER });
  const span = spanOver(making, own, parent);
  return { ...span, rename: (name) => void own.updateName(name) };
}

interface Start {
  readonly name: string;
  readonly kind?: SpanKind;
  /** Of `performance.now()`; absent: now. */
  readonly fromMs?: number;
  readonly links?: Link[];
  readonly attributes?: SpanAttributes | undefined;
}

function start(making: Making, context: Context, told: Start): OtelSpan {
  const { name, kind = SpanKind.INTERNAL, fromMs = performance.now() } = told;
  const { links = [], attributes = {} } = told;
  const startTime = timeOf(making, fromMs);
  return making.tracer.startSpan(
    name,
    { kind, links, startTime, attributes: { ...attributes } },
    context,
  );
}

function spanOver(making: Making, own: OtelSpan, around: Context): Span {
  const is = own.spanContext();
  const { traceId, spanId } = is;
  const flags = is.traceFlags & TraceFlags.SAMPLED;
  const named = { traceId, traceparent: `00-${traceId}-${spanId}-0${flags}` };
  if (!own.isRecording()) return silent(named);
  const inside = trace.setSpan(around, own);
  return {
    ...named,
    begin: (name, attributes) =>
      spanOver(making, start(making, inside, { name, attributes }), inside),
    beginLinked: (name, attributes) => {
      const links = [{ context: is }];
      const root = start(making, ROOT_CONTEXT, { name, attributes, links });
      return spanOver(making, root, ROOT_CONTEXT);
    },
    add: (name, { fromMs, untilMs }, attributes) => {
      const part = start(making, inside, { name, attributes, fromMs });
      const span = spanOver(making, part, inside);
      part.end(timeOf(making, Math.max(fromMs, untilMs)));
      return span;
    },
    set: (attributes) => void own.setAttributes({ ...attributes }),
    end: (failure) => {
      if (failure !== undefined) {
        own.setAttribute('error.type', failure);
        own.setStatus({ code: SpanStatusCode.ERROR });
      }
      own.end(timeOf(making, performance.now()));
    },
  };
}

/** Of a trace that is not kept: all its parts are this one. */
function silent(named: Pick<Span, 'traceId' | 'traceparent'>): Span {
  const span: Span = {
    ...named,
    begin: () => span,
    beginLinked: () => span,
    add: () => span,
    set: () => {},
    end: () => {},
  };
  return span;
}

function timeOf({ offsetMs }: Making, atMs: number): HrTime {
  const ms = offsetMs + atMs;
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}
