import assert from 'node:assert/strict';
import { PROBLEMS } from '@gozolite/contract/refusal';
import { test } from 'vitest';
import { MIB, refused, run, testUrl } from './client.js';

const python = { language: 'python', code: '' };

// Every code but those that need a server of their own; admission's own tests have all the ways in.
const rows: readonly (readonly [keyof typeof PROBLEMS, unknown, string?])[] = [
  ['BAD_JSON', '{"language":'],
  ['BAD_JSON', ''],
  ['BAD_REQUEST', '[]'],
  ['BAD_REQUEST', { language: 'python' }],
  ['BAD_REQUEST', { ...python, files: [{ path: 'a', content: '' }] }],
  ['UNKNOWN_FIELD', { ...python, timeout: 5 }, '/timeout'],
  ['UNKNOWN_FIELD', { ...python, compile: { limits: { cpu: 1 } } }, '/compile/limits/cpu'],
  ['UNKNOWN_LANGUAGE', { language: 'pyhton', code: '' }, '/language'],
  ['LIMIT_TOO_HIGH', { ...python, limits: { memory_kb: 1e9 } }, '/limits/memory_kb'],
  ['LIMIT_TOO_LOW', { ...python, limits: { memory_kb: 1 } }, '/limits/memory_kb'],
  ['INVALID_VALUE', { ...python, stdin: '=', stdin_encoding: 'base64' }, '/stdin'],
  ['INVALID_VALUE', { ...python, env: { '=': '' } }, '/env/='],
  ['BODY_TOO_LARGE', { ...python, stdin: 'x'.repeat(24 * MIB + 1) }],
  ['BODY_TOO_LARGE', 'x'.repeat(32 * MIB + 1)],
];
for (const [code, body, pointer] of rows) {
  const shown = typeof body === 'string' ? body : JSON.stringify(body);
  test(`${code} (${PROBLEMS[code]}): ${shown.slice(0, 60)}`, async () => {
    const problem = await refused(body, code);
    assert.equal(problem.status, PROBLEMS[code]);
    if (pointer !== undefined) assert.equal(problem.errors?.[0]?.pointer, pointer);
  });
}

test('UNSUPPORTED_MEDIA_TYPE (415): a form', async () => {
  await refused('a=b', 'UNSUPPORTED_MEDIA_TYPE', {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
});

test('FORBIDDEN (403): a web page of another site', async () => {
  const headers = { 'content-type': 'application/json', origin: 'https://evil.example' };
  await refused(python, 'FORBIDDEN', { headers });
});

test('an unknown language is told the nearest', async () => {
  const { nearest } = await refused({ language: 'javascrpt', code: '' }, 'UNKNOWN_LANGUAGE');
  assert.ok(nearest?.includes('javascript'), JSON.stringify(nearest));
});

test('NOT_FOUND (404) and METHOD_NOT_ALLOWED (405)', async () => {
  assert.equal((await fetch(`${testUrl()}/nothing`)).status, 404);
  const response = await fetch(`${testUrl()}/execute`);
  assert.equal(response.status, 405);
  assert.equal(response.headers.get('allow'), 'POST');
});

test('a body that is not UTF-8 is BAD_JSON, never a program with other characters', async () => {
  const body = Buffer.from('{"language":"bash","code":"echo \xff"}', 'latin1');
  await refused(null, 'BAD_JSON', { body: new Uint8Array(body) });
});

test('names of the prototype are refused, or harmless', async () => {
  await refused('{"language":"bash","code":"","__proto__":{"code":"id"}}', 'BAD_REQUEST');
  await refused('{"language":"bash","code":"","env":{"__proto__":"x"}}', 'BAD_REQUEST');
  await refused({ language: '__proto__', code: '' }, 'UNKNOWN_LANGUAGE');
  await refused({ language: 'constructor', code: '' }, 'UNKNOWN_LANGUAGE');
  const env: Record<string, string> = JSON.parse('{"prototype":"x","constructor":"y"}');
  const { stdout } = await run({ language: 'bash', code: 'echo $prototype $constructor', env });
  assert.equal(stdout, 'x y\n');
});

test('a member twice is BAD_JSON, with its place', async () => {
  const { errors } = await refused('{"language":"bash","code":"1","code":"2"}', 'BAD_JSON');
  assert.equal(errors?.[0]?.pointer, '/code');
});

test('a refusal costs nothing: the next program runs', async () => {
  await refused({ ...python, x: 1 }, 'UNKNOWN_FIELD');
  assert.equal((await run({ language: 'python', code: 'print(1)' })).status, 'ok');
});
