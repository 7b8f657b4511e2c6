import type { RequestSpan, Tracer } from '@gozolite/telemetry/tracing/span';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Seen } from '../../http/seen.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Absent where no traces are sent. */
    span: RequestSpan | undefined;
  }
}

/** Asked for by machines, every few seconds: they would be most of what is traced. */
const UNTRACED = new Set(['/healthz', '/readyz', '/metrics']);

/** Begins the trace of a request, or goes on with its caller's, and says so in the answer. */
export function traceRequest(tracer: Tracer, request: FastifyRequest, reply: FastifyReply): void {
  if (UNTRACED.has(request.routeOptions.url ?? '')) return;
  const { traceparent, tracestate } = request.headers;
  const span = tracer.request({ traceparent: only(traceparent), tracestate: joined(tracestate) });
  request.span = span;
  reply.header('traceparent', span.traceparent);
}

/** When its answer is out, or nobody is left to be given one. */
export function endTrace({ span, raw }: FastifyRequest, seen: Seen): void {
  if (span === undefined) return;
  const { route, method, status, refusal, caller, isAborted } = seen;
  span.rename(route === '' ? method : `${method} ${route}`);
  span.set({
    'http.request.method': method === 'other' ? '_OTHER' : method,
    ...(route === '' ? {} : { 'http.route': route }),
    'http.response.status_code': status,
    'url.scheme': 'http',
    'network.protocol.version': raw.httpVersion,
    'gozolite.request.id': seen.requestId,
    ...(caller === undefined ? {} : { 'gozolite.tenant': caller.tenant }),
    ...(refusal === undefined ? {} : { 'gozolite.refusal': refusal.code }),
    ...(isAborted ? { 'gozolite.request.aborted': true } : {}),
  });
  span.end(status >= 500 ? (refusal?.code ?? String(status)) : undefined);
}

/** A second header of that name makes the first worth nothing (W3C Trace Context, §3.2). */
function only(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined;
}

function joined(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : header?.join(',');
}
