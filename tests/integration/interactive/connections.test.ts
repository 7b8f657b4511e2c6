import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { GozoProblem } from '@gozolite/sdk/errors';
import { Gozo } from '@gozolite/sdk/gozo';
import { test } from 'vitest';
import { eventually } from '../../server-under-test.js';
import { expectStatus, testUrl } from '../client.js';
import { startOwnServer } from '../own-server.js';
import { openRaw, refusedHandshake, speak } from './talking.js';

const gozo = new Gozo({ url: testUrl() });
const WAITS = { language: 'bash', code: 'echo ready; cat', limits: { wall_time_ms: 60_000 } };
const START = JSON.stringify({ type: 'start', request: WAITS });

function opened(raw: ReturnType<typeof openRaw>): Promise<unknown> {
  return new Promise((resolve) => raw.socket.once('open', resolve));
}

test('a connection that closes cancels the execution, and that is on record', async () => {
  const { talk, event, until } = await speak(WAITS);
  const { id } = await event('queued');
  await until(/ready/);
  talk.close();
  await assert.rejects(talk.ended, /closed before/);
  expectStatus(await gozo.wait(id), 'cancelled');
});

test('a connection that is cut does so too', async () => {
  const raw = openRaw();
  await opened(raw);
  raw.socket.send(START);
  const queued = await raw.first('queued');
  await raw.first('output');
  raw.socket.terminate();
  assert.ok(queued.type === 'queued');
  expectStatus(await gozo.wait(queued.id), 'cancelled');
});

test('an abort cancels it', async () => {
  const abort = new AbortController();
  const { talk, event, until } = await speak(WAITS, { signal: abort.signal });
  const { id } = await event('queued');
  await until(/ready/);
  abort.abort();
  await assert.rejects(talk.ended);
  expectStatus(await gozo.wait(id), 'cancelled');
});

test('cancelled from elsewhere it ends here, with its record', async () => {
  const { talk, event, until } = await speak(WAITS);
  const { id } = await event('queued');
  await until(/ready/);
  await gozo.cancel(id);
  expectStatus(await talk.ended, 'cancelled');
});

test('what is refused is refused as by POST /execute, pointers into the request', async () => {
  const { talk } = await speak({ language: 'pyton', code: '1' });
  const error = await talk.ended.catch((thrown: unknown) => thrown);
  assert.ok(error instanceof GozoProblem);
  assert.equal(error.code, 'UNKNOWN_LANGUAGE');
  assert.deepEqual(error.nearest, ['python']);
  assert.equal(error.errors[0]?.pointer, '/language');
});

for (const [what, frame, code, closed] of [
  ['no JSON', '{"type":', 'BAD_JSON', 1008],
  ['no object', '[]', 'BAD_REQUEST', 1008],
  ['an unknown type', '{"type":"run"}', 'BAD_REQUEST', 1008],
  ['another message than start', '{"type":"eof"}', 'BAD_REQUEST', 1008],
  ['a field that does not exist', '{"type":"start","request":{},"tty":1}', 'UNKNOWN_FIELD', 1008],
  [
    'a window that is none',
    '{"type":"start","request":{},"terminal":{"columns":0,"rows":1}}',
    'INVALID_VALUE',
    1008,
  ],
] as const) {
  test(`${what} as the first message is refused: ${code}`, async () => {
    const raw = openRaw();
    await opened(raw);
    raw.socket.send(frame);
    const { code: closedWith, messages } = await raw.closed;
    const [only] = messages;
    assert.ok(only?.type === 'refused', JSON.stringify(messages));
    assert.equal(only.problem.code, code);
    assert.equal(closedWith, closed);
  });
}

for (const [what, frame, code] of [
  ['a second start', START, 'BAD_REQUEST'],
  ['a signal that there is not', '{"type":"signal","signal":"SIGSEGV"}', 'INVALID_VALUE'],
  ['bad base64', '{"type":"stdin","content":"?","encoding":"base64"}', 'INVALID_VALUE'],
  ['a message past its bound', Buffer.alloc(1024 * 1024 + 1), 'BODY_TOO_LARGE'],
] as const) {
  test(`${what} cancels what runs: refused, and then its record`, async () => {
    const raw = openRaw();
    await opened(raw);
    raw.socket.send(START);
    await raw.first('output');
    raw.socket.send(frame);
    const { messages } = await raw.closed;
    const [refused, ended] = messages.slice(-2);
    assert.ok(refused?.type === 'refused' && ended?.type === 'ended', JSON.stringify(messages));
    assert.equal(refused.problem.code, code);
    expectStatus(ended.record, 'cancelled');
  });
}

test('a frame past every bound closes the connection: 1009', async () => {
  const raw = openRaw();
  await opened(raw);
  raw.socket.send(Buffer.alloc(4 * 1024 * 1024 + 1));
  const { code, messages } = await raw.closed;
  assert.deepEqual([code, messages], [1009, []]);
});

test('a window without a terminal, input after its end: no effect, and that is said', async () => {
  const raw = openRaw();
  await opened(raw);
  raw.socket.send(START);
  raw.socket.send('{"type":"resize","columns":80,"rows":24}');
  const notice = await raw.first('notice');
  assert.ok(notice.type === 'notice');
  assert.equal(notice.code, 'NO_TERMINAL');
  raw.socket.send('{"type":"eof"}');
  raw.socket.send(Buffer.from('too late'));
  const { messages } = await raw.closed;
  const codes = messages.flatMap((message) => (message.type === 'notice' ? [message.code] : []));
  assert.deepEqual(codes, ['NO_TERMINAL', 'INPUT_ENDED']);
});

test('a ping is answered, and the sub-protocol is the one that was offered', async () => {
  const raw = openRaw(testUrl(), ['gozo.v1']);
  await opened(raw);
  assert.equal(raw.socket.protocol, 'gozo.v1');
  const pong = new Promise<Buffer>((resolve) => raw.socket.once('pong', resolve));
  raw.socket.ping('hello');
  assert.equal(String(await pong), 'hello');
  raw.socket.close();
  await raw.closed;
});

test('a handshake that is none is refused in HTTP', async () => {
  const plain = await fetch(`${testUrl()}/interact`);
  assert.equal(plain.status, 426);
  assert.equal(plain.headers.get('upgrade'), 'websocket');
  assert.equal(((await plain.json()) as { code: string }).code, 'UPGRADE_REQUIRED');
  const other = await refusedHandshake({}, testUrl(), ['chat']);
  assert.deepEqual([other.status, other.code], [400, 'BAD_REQUEST']);
  const { host } = new URL(testUrl());
  const foreign = await refusedHandshake({ origin: 'https://evil.example' });
  assert.deepEqual([foreign.status, foreign.code], [403, 'FORBIDDEN']);
  const rebound = await refusedHandshake({ host: 'evil.example', origin: 'http://evil.example' });
  assert.deepEqual([rebound.status, rebound.code], [403, 'FORBIDDEN']);
  const own = openRaw(testUrl(), [], { origin: `http://${host}` });
  await opened(own);
  own.socket.close();
});

test('other upgrades are no concern of ours, and other paths are no WebSockets', async () => {
  const body = JSON.stringify({ language: 'bash', code: 'echo hi' });
  const headers = {
    ...{ connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABk' },
    ...{ 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
  };
  const answered = await new Promise<{ status: number | undefined; text: string }>(
    (resolve, reject) => {
      const sent = httpRequest(`${testUrl()}/execute`, { method: 'POST', headers }, (answer) => {
        let text = '';
        answer.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        answer.on('end', () => resolve({ status: answer.statusCode, text }));
      });
      sent.on('error', reject);
      sent.end(body);
    },
  );
  assert.equal(answered.status, 200);
  assert.match(answered.text, /"stdout":"hi\\n"/);
  assert.match(await tunnelled(), /^HTTP\/1.1 405 [\s\S]*connection: close/i);
});

/** What is answered to a CONNECT, until the connection closes. */
function tunnelled(): Promise<string> {
  const { hostname, port } = new URL(testUrl());
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString();
  });
  socket.write('CONNECT example.com:443 HTTP/1.1\r\nHost: localhost\r\n\r\n');
  return new Promise((resolve) => socket.once('close', () => resolve(answer)));
}

test('nothing said for too long ends it', async () => {
  await using server = await startOwnServer({ GOZO_INTERACTIVE_IDLE_MS: '400' });
  const { event, talk } = await speak(WAITS, {}, new Gozo({ url: server.url }));
  const notice = await event('notice');
  assert.equal(notice.code, 'IDLE');
  expectStatus(await talk.ended, 'cancelled');
});

test('a server that stops lets it end, then cancels it, and says so', async () => {
  await using server = await startOwnServer({ GOZO_DRAIN_MS: '300' });
  const { until, talk } = await speak(WAITS, {}, new Gozo({ url: server.url }));
  await until(/ready/);
  const fresh = openRaw(server.url);
  await opened(fresh);
  server.child.kill('SIGTERM');
  const { code, messages } = await fresh.closed;
  assert.equal(code, 1013);
  assert.ok(messages[0]?.type === 'refused' && messages[0].problem.code === 'DRAINING');
  expectStatus(await talk.ended, 'cancelled');
  assert.equal((await server.ended).exitCode, 0);
});

test('it can be switched off, and terminals alone', async () => {
  await using off = await startOwnServer({ GOZO_INTERACTIVE: 'off' });
  const refused = await refusedHandshake({}, off.url);
  assert.deepEqual([refused.status, refused.code], [403, 'FORBIDDEN']);
  await using pipes = await startOwnServer({ GOZO_INTERACTIVE: 'pipes', GOZO_ASYNC: 'false' });
  const client = new Gozo({ url: pipes.url });
  const terminal = { columns: 80, rows: 24 };
  const { talk } = await speak(WAITS, { terminal }, client);
  await assert.rejects(talk.ended, /GOZO_INTERACTIVE/);
  const piped = await speak(WAITS, {}, client);
  await piped.until(/ready/);
  piped.talk.end();
  expectStatus(await piped.talk.ended, 'ok');
});

test('nothing of it is left', async () => {
  await eventually('an empty server', 30_000, async () => {
    const { load } = await gozo.diagnostics();
    return load.running === 0 && load.queued === 0 ? true : undefined;
  });
});
