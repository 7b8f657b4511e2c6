import assert from 'node:assert/strict';
import type { Execution } from '@gozolite/contract/execution';
import { afterAll, beforeAll, test } from 'vitest';
import { testUrl } from '../../integration/client.js';
import { HELLO, send } from '../calls.js';
import { type Keyed, startKeyed } from '../keyed-server.js';
import {
  childrenOf,
  misfits,
  type OtlpReceiver,
  outline,
  type ReceivedSpan,
  startReceiver,
} from './otlp-receiver.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const SERVER = 2;

let receiver: OtlpReceiver;
let keyed: Keyed;
let key: string;
beforeAll(async () => {
  receiver = await startReceiver();
  keyed = await startKeyed('sqlite', { ...receiver.env, OTEL_SERVICE_NAME: 'judge' });
  ({ key } = await keyed.tenant('traced'));
});
afterAll(async () => {
  await keyed?.[Symbol.asyncDispose]();
  await receiver?.[Symbol.asyncDispose]();
});

function call(path: string, body: unknown, headers: Record<string, string> = {}) {
  const own = { authorization: `Bearer ${key}`, ...headers };
  return send(`${keyed.server.url}${path}`, body, own);
}

/** Of an answer: which trace its request is part of, and under which span. */
function traceOf(answer: Response): { traceId: string; spanId: string; flags: string } {
  const given = /^00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])$/;
  const [, traceId = '', spanId = '', flags = ''] =
    given.exec(answer.headers.get('traceparent') ?? '') ?? [];
  assert.notEqual(traceId, '', 'the answer has no traceparent');
  return { traceId, spanId, flags };
}

/** The request's own span, and all spans, once it is there. */
async function requestOf(answer: Response): Promise<[ReceivedSpan, readonly ReceivedSpan[]]> {
  const { spanId } = traceOf(answer);
  const isIt = (span: ReceivedSpan) => span.spanId === spanId;
  const spans = await receiver.until('the span of a request', (all) => all.some(isIt));
  const root = spans.find(isIt);
  assert.ok(root);
  return [root, spans];
}

const SANDBOX = ['      hand over', '      sandbox', '      program', '      collect'];

test('compile and run are one trace, below the span of their caller', async () => {
  const traceparent = `00-${TRACE}-${PARENT}-01`;
  const code = '#include <stdio.h>\nint main(void) { puts("secret-output"); }';
  const body = { language: 'c', code };
  const answer = await call('/execute', body, { traceparent, tracestate: 'a=1,b=2' });
  const execution = (await answer.json()) as Execution;
  assert.equal(execution.status, 'ok', JSON.stringify(execution));
  const [root, spans] = await requestOf(answer);
  assert.equal(root.traceId, TRACE);
  assert.equal(root.parentSpanId, PARENT);
  assert.equal(root.traceState, 'a=1,b=2');
  assert.equal(root.kind, SERVER);
  assert.deepEqual(outline(spans, root), [
    ...['POST /execute', '  authenticate', '  rate limit', '  validate', '  quota', '  execute'],
    ...['    audit', '    queue', '    prepare', '    compile', ...SANDBOX, '    run', ...SANDBOX],
    ...['    capture', '    record', '    audit'],
  ]);
  assert.deepEqual(misfits(spans, root), []);
  assert.deepEqual(root.attributes, {
    ...{ 'http.request.method': 'POST', 'http.route': '/execute', 'url.scheme': 'http' },
    ...{ 'http.response.status_code': 200, 'network.protocol.version': '1.1' },
    ...{ 'gozolite.request.id': execution.request_id, 'gozolite.tenant': 'traced' },
  });
  const execute = childrenOf(spans, root).find(({ name }) => name === 'execute');
  assert.equal(execute?.attributes['gozolite.execution.id'], execution.id);
  assert.equal(execute?.attributes['gozolite.language'], 'c');
  assert.equal(execute?.attributes['gozolite.status'], 'ok');
  const told = receiver.bodies.join('\n');
  for (const hidden of ['secret-output', 'puts', 'stdio', key]) {
    assert.ok(!told.includes(hidden), `${hidden} is in a trace`);
  }
  assert.equal(receiver.resources[0]?.['service.name'], 'judge');
});

test('an execution that nobody waits for is a trace of its own, linked', async () => {
  const answer = await call('/executions', HELLO);
  assert.equal(answer.status, 202);
  const [root] = await requestOf(answer);
  const isIts = ({ links }: ReceivedSpan) => links.some(({ spanId }) => spanId === root.spanId);
  const spans = await receiver.until('the linked trace', (all) => all.some(isIts));
  const own = spans.find(isIts);
  assert.ok(own);
  assert.equal(own.parentSpanId, '');
  assert.notEqual(own.traceId, root.traceId);
  assert.deepEqual(own.links, [{ traceId: root.traceId, spanId: root.spanId }]);
  assert.deepEqual(outline(spans, own), [
    ...['execution', '  execute', '    audit', '    queue', '    prepare', '    run', ...SANDBOX],
    ...['    capture', '    record', '    audit', '  store'],
  ]);
  assert.deepEqual(misfits(spans, own), []);
  assert.deepEqual(outline(spans, root), [
    ...['POST /executions', '  authenticate', '  rate limit', '  validate', '  quota', '  store'],
  ]);
});

test('what its caller does not keep is not kept here, and the answer says so', async () => {
  const unkept = TRACE.replaceAll('4', '5');
  const answer = await call('/execute', HELLO, { traceparent: `00-${unkept}-${PARENT}-00` });
  const { traceId, flags } = traceOf(answer);
  assert.deepEqual([traceId, flags], [unkept, '00']);
  const silent = await call('/executions', HELLO, { traceparent: `00-${unkept}-${PARENT}-00` });
  assert.equal(silent.status, 202);
  // What comes later is there: what came before it would be as well.
  const [, spans] = await requestOf(await call('/execute', HELLO));
  assert.ok(!spans.some((span) => span.traceId === unkept));
});

test('a malformed traceparent begins a new trace, and decides nothing else', async () => {
  const bad = [
    `00-${TRACE}-${PARENT}`,
    `00-${TRACE}-${PARENT}-01-more`,
    `ff-${TRACE}-${PARENT}-01`,
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}-01, 00-${TRACE}-${PARENT}-01`,
    'a'.repeat(5000),
  ];
  for (const traceparent of bad) {
    const answer = await call('/execute', HELLO, { traceparent });
    assert.equal(answer.status, 200);
    const { traceId, flags } = traceOf(answer);
    assert.notEqual(traceId, TRACE, traceparent);
    assert.equal(flags, '01');
  }
  // A version to come may have more behind it (W3C Trace Context, §3.2.2.2).
  const later = await call('/execute', HELLO, { traceparent: `cc-${TRACE}-${PARENT}-01-more` });
  assert.equal(traceOf(later).traceId, TRACE);
});

test('who is refused is traced up to the refusal, without what was sent', async () => {
  const wrong = `gzl_${'Z'.repeat(49)}`;
  const answer = await call('/execute', HELLO, { authorization: `Bearer ${wrong}` });
  assert.equal(answer.status, 401);
  const [root, spans] = await requestOf(answer);
  assert.deepEqual(outline(spans, root), ['POST /execute', '  authenticate']);
  assert.equal(root.attributes['gozolite.refusal'], 'UNAUTHENTICATED');
  assert.equal(root.status, 0);
  const nowhere = await call('/secret-path', HELLO);
  const [lost] = await requestOf(nowhere);
  assert.equal(lost.name, 'POST');
  assert.equal(lost.attributes['http.route'], undefined);
  const told = receiver.bodies.join('\n');
  for (const hidden of [wrong, 'secret-path']) assert.ok(!told.includes(hidden), hidden);
});

test('without an endpoint nothing is traced, whatever the caller says', async () => {
  const headers = { traceparent: `00-${TRACE}-${PARENT}-01` };
  const answer = await send(`${testUrl()}/execute`, HELLO, headers);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('traceparent'), null);
});
