import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, test, vi } from 'vitest';
import { loggerOver } from '../logger.js';
import { openTracing } from './open.js';
import type { TracingSettings } from './settings.js';
import type { Tracer } from './span.js';

const NOBODY = { traceparent: undefined, tracestate: undefined };
const SETTINGS: TracingSettings = {
  ...{ sampler: 'parentbased_always_on', ratio: 1 },
  ...{ spansMax: 100, batchMax: 50, batchMs: 20, sendMsMax: 60_000 },
};

let collector: Server;
let answers: boolean;
let names: string[];
let lines: string[];
beforeEach(async () => {
  [answers, names, lines] = [true, [], []];
  collector = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (piece: string) => {
      body += piece;
    });
    request.once('end', () => {
      names.push(...[...body.matchAll(/"name":"([a-z ]+)"/g)].map(([, name = '']) => name));
      if (answers) response.writeHead(200).end('{}');
    });
  });
  collector.listen(0, '127.0.0.1');
  await once(collector, 'listening');
  const { port } = collector.address() as AddressInfo;
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${port}`;
});
afterEach(async () => {
  delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
  collector.closeAllConnections();
  if (!collector.listening) return;
  collector.close();
  await once(collector, 'close');
});

function open(settings: TracingSettings = SETTINGS): Promise<Tracer> {
  const log = loggerOver('info', { write: (line) => lines.push(line) });
  return openTracing({ settings, version: '1', log });
}

/** On a busy machine what was sent may arrive after the last moment that is waited for. */
async function sent(...wanted: readonly string[]): Promise<void> {
  const own = () => names.filter((name) => name !== 'gozolite').toSorted();
  await vi.waitUntil(() => own().length >= wanted.length, 10_000);
  assert.deepEqual(own(), wanted);
}

test('what is left is sent at the end', async () => {
  const tracer = await open({ ...SETTINGS, batchMs: 600_000 });
  const span = tracer.request(NOBODY);
  span.begin('validate').end();
  span.end();
  await tracer[Symbol.asyncDispose]();
  await sent('request', 'validate');
});

test('a collector that never answers holds nobody up, and what waits is bounded', async () => {
  answers = false;
  const tracer = await open();
  for (let times = 0; times < 10_000; times += 1) tracer.request(NOBODY).end();
  await tracer[Symbol.asyncDispose]();
  const taken = () => names.filter((name) => name === 'request').length;
  await vi.waitUntil(() => taken() > 0, 10_000);
  assert.ok(taken() <= SETTINGS.spansMax + SETTINGS.batchMax, String(taken()));
});

test('a collector that is away is told of once', async () => {
  collector.close();
  await once(collector, 'close');
  // No time for a second try.
  process.env.OTEL_EXPORTER_OTLP_TIMEOUT = '100';
  const tracer = await open({ ...SETTINGS, batchMs: 600_000 });
  delete process.env.OTEL_EXPORTER_OTLP_TIMEOUT;
  for (let times = 0; times < 1000; times += 1) tracer.request(NOBODY).end();
  await tracer[Symbol.asyncDispose]();
  assert.equal(lines.filter((line) => line.includes('could not be sent')).length, 1);
});

test('nothing of a trace that is not kept is sent, and neither is what it links to', async () => {
  const tracer = await open();
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00';
  const span = tracer.request({ ...NOBODY, traceparent });
  span.begin('execute').end();
  span.beginLinked('execution').end();
  span.end();
  const never = await open({ ...SETTINGS, sampler: 'parentbased_traceidratio', ratio: 0 });
  never.request(NOBODY).end();
  assert.match(span.traceparent, /^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-00$/);
  for (const each of [tracer, never]) await each[Symbol.asyncDispose]();
  assert.deepEqual(names, []);
});

test('a linked trace is kept where what it is linked to is, whatever the ratio', async () => {
  const tracer = await open({ ...SETTINGS, sampler: 'parentbased_traceidratio', ratio: 0 });
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const span = tracer.request({ ...NOBODY, traceparent });
  const linked = span.beginLinked('execution');
  assert.notEqual(linked.traceId, span.traceId);
  linked.end();
  span.end();
  await tracer[Symbol.asyncDispose]();
  await sent('execution', 'request');
});
