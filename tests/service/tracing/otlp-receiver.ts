import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually } from '../../server-under-test.js';

/** A span as OTLP has it in JSON; times in nanoseconds since 1970. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  /** 1 internal, 2 server. */
  readonly kind: number;
  readonly from: bigint;
  readonly until: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** 2: an error. */
  readonly status: number;
}

/** Where traces are sent: takes OTLP over HTTP, as JSON. */
export interface OtlpReceiver extends AsyncDisposable {
  /** For a server whose spans come here soon. */
  readonly env: Readonly<Record<string, string>>;
  /** Every body, as it came. */
  readonly bodies: readonly string[];
  readonly resources: readonly Readonly<Record<string, unknown>>[];
  /** All that came, once there is one that this finds. */
  until(what: string, isThere: (spans: readonly ReceivedSpan[]) => boolean): Promise<Spans>;
}

type Spans = readonly ReceivedSpan[];

export async function startReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const resources: Record<string, unknown>[] = [];
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (piece: string) => {
      body += piece;
    });
    request.once('end', () => {
      assert.equal(request.url, '/v1/traces');
      bodies.push(body);
      for (const { resource, scopeSpans } of (JSON.parse(body) as Sent).resourceSpans) {
        resources.push(valuesOf(resource.attributes));
        spans.push(...scopeSpans.flatMap((scope) => scope.spans.map(received)));
      }
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_BSP_SCHEDULE_DELAY: '50',
    },
    ...{ bodies, resources },
    until: (what, isThere) =>
      eventually(what, 60_000, async () => (isThere(spans) ? [...spans] : undefined)),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

interface Sent {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly SentSpan[] }[];
  }[];
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface SentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status: { readonly code?: number };
}

function received(span: SentSpan): ReceivedSpan {
  const { traceId, spanId, parentSpanId = '', traceState = '', name, kind } = span;
  return {
    ...{ traceId, spanId, parentSpanId, traceState, name, kind },
    from: BigInt(span.startTimeUnixNano),
    until: BigInt(span.endTimeUnixNano),
    attributes: valuesOf(span.attributes),
    links: (span.links ?? []).map((link) => ({ traceId: link.traceId, spanId: link.spanId })),
    status: span.status.code ?? 0,
  };
}

/** `{stringValue: 'x'}`, `{intValue: 1}` and the like as the value alone. */
function valuesOf(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

export function childrenOf(spans: Spans, parent: ReceivedSpan): Spans {
  const own = spans.filter(
    ({ traceId, parentSpanId }) => traceId === parent.traceId && parentSpanId === parent.spanId,
  );
  return own.toSorted((left, right) => Number(left.from - right.from));
}

/** A span with all below it, by their names, in the order in which they began. */
export function outline(spans: Spans, root: ReceivedSpan, depth = 0): readonly string[] {
  const below = childrenOf(spans, root).flatMap((child) => outline(spans, child, depth + 1));
  return [`${'  '.repeat(depth)}${root.name}`, ...below];
}

/** What lies outside of the span that it is a part of. */
export function misfits(spans: Spans, root: ReceivedSpan): readonly string[] {
  return childrenOf(spans, root).flatMap((child) => [
    ...(child.from >= root.from && child.until <= root.until && child.from <= child.until
      ? []
      : [`${child.name} [${child.from}, ${child.until}] in [${root.from}, ${root.until}]`]),
    ...misfits(spans, child),
  ]);
}
