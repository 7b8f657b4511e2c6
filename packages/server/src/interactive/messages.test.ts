import assert from 'node:assert/strict';
import { test } from 'vitest';
import { bytesOf, createMessageReader, outputOf } from './messages.js';

const read = createMessageReader();

for (const [text, code] of [
  ['', 'BAD_JSON'],
  ['nothing', 'BAD_JSON'],
  ['null', 'BAD_REQUEST'],
  ['{}', 'BAD_REQUEST'],
  ['{"type":"__proto__"}', 'BAD_REQUEST'],
  ['{"type":"constructor"}', 'BAD_REQUEST'],
  ['{"type":["eof"]}', 'BAD_REQUEST'],
  ['{"type":"eof","now":1}', 'UNKNOWN_FIELD'],
  ['{"type":"start"}', 'BAD_REQUEST'],
  ['{"type":"start","request":1}', 'BAD_REQUEST'],
  ['{"type":"signal","signal":"KILL"}', 'INVALID_VALUE'],
  ['{"type":"signal","signal":9}', 'BAD_REQUEST'],
  ['{"type":"resize","columns":1.5,"rows":1}', 'INVALID_VALUE'],
  ['{"type":"resize","columns":1001,"rows":1}', 'INVALID_VALUE'],
] as const) {
  test(`${text || 'nothing at all'} is no message`, () => {
    const said = read(Buffer.from(text), false);
    assert.ok(!said.ok);
    assert.equal(said.error.code, code);
  });
}

test('a message past its bound is refused, a start of the same size is not', () => {
  const large = 'x'.repeat(1024 * 1024);
  const stdin = read(Buffer.from(JSON.stringify({ type: 'stdin', content: large })), false);
  assert.ok(!stdin.ok && stdin.error.code === 'BODY_TOO_LARGE');
  const start = { type: 'start', request: { language: 'bash', code: large } };
  assert.ok(read(Buffer.from(JSON.stringify(start)), false).ok);
});

test('base64 is base64, whatever Node would make of it', () => {
  const bytes = (content: string) => bytesOf({ type: 'stdin', content, encoding: 'base64' });
  const fine = bytes('AP8=');
  assert.ok(fine.ok && fine.value.equals(Buffer.from([0, 255])));
  for (const content of ['AP8', 'AP_-', 'A P8=', '=AP8', 'AP8=\n']) {
    assert.ok(!bytes(content).ok, content);
  }
});

test('output that is no UTF-8 comes as base64', () => {
  const chunk = (bytes: number[]) =>
    ({ stream: 'stdout', timeUs: 1500, bytes: Uint8Array.from(bytes) }) as const;
  const about = { type: 'output', stage: 'run', stream: 'stdout', time_ms: 1.5 };
  assert.deepEqual(outputOf('run', chunk([0x61])), { ...about, content: 'a' });
  const cut = { ...about, content: '4oI=', encoding: 'base64' };
  assert.deepEqual(outputOf('run', chunk([0xe2, 0x82])), cut);
});
