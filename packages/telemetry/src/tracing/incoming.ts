import { type SpanContext, TraceFlags } from '@opentelemetry/api';
import { parseTraceParent, TraceState } from '@opentelemetry/core';
import type { IncomingTrace } from './span.js';

/** W3C Trace Context, §3.3.1.5: so much of it has to be kept; a longer one is dropped whole. */
const STATE_CHARACTERS_MAX = 512;

/**
 * The trace that a request says it is part of. It comes from a stranger, so it says where spans
 * are filed and whether they are kept, and decides nothing else.
 * @returns undefined where it says none, or not as the standard has it: a new trace begins then
 */
export function incomingContext({
  traceparent,
  tracestate,
}: IncomingTrace): SpanContext | undefined {
  if (traceparent === undefined) return undefined;
  const parsed = parseTraceParent(traceparent);
  if (parsed === null) return undefined;
  const { traceId, spanId } = parsed;
  const traceFlags = parsed.traceFlags & TraceFlags.SAMPLED;
  const isKept = tracestate !== undefined && tracestate.length <= STATE_CHARACTERS_MAX;
  return {
    ...{ traceId, spanId, traceFlags, isRemote: true },
    ...(isKept ? { traceState: new TraceState(tracestate) } : {}),
  };
}
