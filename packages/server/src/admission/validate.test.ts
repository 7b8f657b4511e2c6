import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { limitPolicyFor } from '@gozolite/contract/limits';
import type { Refusal } from '@gozolite/contract/refusal';
import { openRegistry } from '@gozolite/languages/registry';
import { beforeAll, test } from 'vitest';
import { createShapeCheck } from './shape.js';
import { type Validated, type ValidationDeps, validate } from './validate.js';

const caller = { id: 'exe_1', requestId: 'req_1', tenant: 'local', createdAt: new Date(0) };
const ALLOW = ['api.example.com:443'];
const NETWORK = { allow: ALLOW, bytesMax: 1000, connectionsMax: 2, timeMsMax: 500 };
const DATA = { grants: () => false, granted: () => [], find: () => undefined };
let deps: ValidationDeps;

/** The shipped language files over a host that has Python and a C compiler and nothing else. */
beforeAll(async () => {
  const registry = await openRegistry({
    folders: [fileURLToPath(new URL('../../../../languages/', import.meta.url))],
    exists: (path) => /python|gcc|stdio/.test(path),
    probe: async () => ({ exitCode: 0, stdout: 'Python 3.11.2\n12.2.0', stderr: '' }),
  });
  const policy = limitPolicyFor(2, 4 * 1024 * 1024);
  deps = { registry, hasShape: createShapeCheck(), policy, network: NETWORK, data: DATA };
});

function refusalOf(body: unknown): Refusal {
  const validated = validate(deps, caller, body);
  assert.ok(!validated.ok, 'it was admitted');
  return validated.error;
}

function validatedOf(body: unknown): Validated {
  const validated = validate(deps, caller, body);
  assert.ok(validated.ok, validated.ok ? '' : JSON.stringify(validated.error));
  return validated.value;
}

function admittedOf(body: unknown) {
  const value = validatedOf(body);
  assert.ok(value.kind === 'admitted');
  return value.admitted;
}

const python = { language: 'python', code: 'print(1)' };
const file = { path: 'a.py', content: '' };
const bytes = (count: number): string => 'a'.repeat(count);

const refused: readonly (readonly [string, unknown, string, string])[] = [
  ['no object', [], 'BAD_REQUEST', ''],
  ['null', null, 'BAD_REQUEST', ''],
  ['no language', { code: '' }, 'BAD_REQUEST', '/language'],
  ['an unknown field', { ...python, timeout: 1 }, 'UNKNOWN_FIELD', '/timeout'],
  ['a misspelt limit', { ...python, limits: { memory: 1 } }, 'UNKNOWN_FIELD', '/limits/memory'],
  [
    '__proto__',
    JSON.parse('{"language":"python","code":"","__proto__":{}}'),
    'UNKNOWN_FIELD',
    '/__proto__',
  ],
  ['a number as code', { ...python, code: 1 }, 'BAD_REQUEST', '/code'],
  ['a string as limit', { ...python, limits: { cpus: '1' } }, 'BAD_REQUEST', '/limits/cpus'],
  [
    'half a millisecond',
    { ...python, limits: { wall_time_ms: 0.5 } },
    'INVALID_VALUE',
    '/limits/wall_time_ms',
  ],
  [
    'an encoding that is none',
    { ...python, stdin: '', stdin_encoding: 'hex' },
    'INVALID_VALUE',
    '/stdin_encoding',
  ],
  ['a data set as text', { ...python, data: 'iris' }, 'BAD_REQUEST', '/data'],
  ['a number as data set', { ...python, data: [1] }, 'BAD_REQUEST', '/data/0'],
  ['17 data sets', { ...python, data: Array(17).fill('a') }, 'INVALID_VALUE', '/data'],
  ['a data set that nobody grants', { ...python, data: ['a'] }, 'FORBIDDEN', '/data/0'],
  ['network', { ...python, network: 'all' }, 'INVALID_VALUE', '/network'],
  ['a network that is a list', { ...python, network: ['a.b:1'] }, 'BAD_REQUEST', '/network'],
  ['a network without its list', { ...python, network: {} }, 'BAD_REQUEST', '/network/allow'],
  [
    'a misspelt list',
    { ...python, network: { allow: [], deny: [] } },
    'UNKNOWN_FIELD',
    '/network/deny',
  ],
  ['a number as host', { ...python, network: { allow: [1] } }, 'BAD_REQUEST', '/network/allow/0'],
  [
    'a host that the policy lacks',
    { ...python, network: { allow: ['api.example.com:443', 'evil.example.com:443'] } },
    'FORBIDDEN',
    '/network/allow/1',
  ],
  ['neither code nor files', { language: 'python' }, 'BAD_REQUEST', ''],
  ['both code and files', { ...python, files: [file] }, 'BAD_REQUEST', ''],
  ['no files at all', { language: 'python', files: [] }, 'INVALID_VALUE', '/files'],
  [
    '257 files',
    {
      language: 'python',
      files: Array.from({ length: 257 }, (_, n) => ({ path: `${n}`, content: '' })),
    },
    'INVALID_VALUE',
    '/files',
  ],
  ['an entry with code', { ...python, entry: 'a.py' }, 'BAD_REQUEST', '/entry'],
  [
    'an entry that is no file',
    { language: 'python', files: [file], entry: 'b.py' },
    'INVALID_VALUE',
    '/entry',
  ],
  [
    'a path that climbs',
    { language: 'python', files: [{ path: '../a', content: '' }] },
    'INVALID_VALUE',
    '/files/0/path',
  ],
  ['a path twice', { language: 'python', files: [file, file] }, 'INVALID_VALUE', '/files/1/path'],
  [
    'a file that is a folder',
    { language: 'python', files: [file, { path: 'a.py/b', content: '' }] },
    'INVALID_VALUE',
    '/files/1/path',
  ],
  [
    'base64 unpadded',
    { language: 'python', files: [{ path: 'a', content: 'YQ', encoding: 'base64' }] },
    'INVALID_VALUE',
    '/files/0/content',
  ],
  [
    'base64 with a line break',
    { ...python, stdin: 'YWFh\nYWFh', stdin_encoding: 'base64' },
    'INVALID_VALUE',
    '/stdin',
  ],
  [
    'base64 with bits left over',
    { ...python, stdin: 'YR==', stdin_encoding: 'base64' },
    'INVALID_VALUE',
    '/stdin',
  ],
  [
    'base64 for URLs',
    { ...python, stdin: '-_-_', stdin_encoding: 'base64' },
    'INVALID_VALUE',
    '/stdin',
  ],
  ['half a character in code', { ...python, code: '\ud800' }, 'INVALID_VALUE', '/code'],
  ['half a character in an argument', { ...python, args: ['\udc00'] }, 'INVALID_VALUE', '/args/0'],
  ['a NUL in an argument', { ...python, args: ['a', 'b\0'] }, 'INVALID_VALUE', '/args/1'],
  ['a NUL in the environment', { ...python, env: { A: '\0' } }, 'INVALID_VALUE', '/env/A'],
  ['an environment name with =', { ...python, env: { 'A=B': '' } }, 'INVALID_VALUE', '/env/A=B'],
  [
    'an environment name that begins with a digit',
    { ...python, env: { '1A': '' } },
    'INVALID_VALUE',
    '/env/1A',
  ],
  [
    'a number in the environment behind a line break',
    { ...python, env: { 'A\nB': 1 } },
    'BAD_REQUEST',
    '/env/A\nB',
  ],
  ['arguments past 128 KiB', { ...python, args: [bytes(131_072)] }, 'INVALID_VALUE', '/args'],
  [
    'arguments and environment past 128 KiB',
    { ...python, args: [bytes(131_069)], env: { A: '' } },
    'INVALID_VALUE',
    '/args',
  ],
  [
    'arguments of the compiler past 128 KiB',
    { ...python, compile: { args: [bytes(131_072)] } },
    'INVALID_VALUE',
    '/compile/args',
  ],
  [
    'nine labels',
    { ...python, labels: Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`l${n}`, ''])) },
    'INVALID_VALUE',
    '/labels',
  ],
  ['a long label', { ...python, labels: { 'a/b': bytes(257) } }, 'INVALID_VALUE', '/labels/a~1b'],
  ['a glob that climbs', { ...python, artifacts: ['*', '../*'] }, 'INVALID_VALUE', '/artifacts/1'],
  [
    'a limit above its ceiling',
    { ...python, limits: { wall_time_ms: 60_001 } },
    'LIMIT_TOO_HIGH',
    '/limits/wall_time_ms',
  ],
  [
    'a limit below its floor',
    { ...python, limits: { memory_kb: 1023 } },
    'LIMIT_TOO_LOW',
    '/limits/memory_kb',
  ],
  [
    'files that the disk cannot hold',
    { language: 'python', files: [{ path: 'a', content: bytes(65_537) }], limits: { disk_kb: 64 } },
    'LIMIT_TOO_LOW',
    '/limits/disk_kb',
  ],
  [
    'content past 24 MiB',
    { ...python, code: bytes(12 * 1024 ** 2), stdin: bytes(12 * 1024 ** 2 + 1) },
    'BODY_TOO_LARGE',
    '',
  ],
  ['an unknown language', { language: 'pyton', code: '' }, 'UNKNOWN_LANGUAGE', '/language'],
  ['an unknown version', { language: 'python@2.7', code: '' }, 'UNKNOWN_LANGUAGE', '/language'],
];
for (const [name, body, code, pointer] of refused) {
  test(`${name} is ${code} at "${pointer}"`, () => {
    const refusal = refusalOf(body);
    assert.equal(refusal.code, code);
    assert.equal(refusal.errors?.[0]?.pointer, pointer);
  });
}

test('an unknown language is told the nearest names, an unknown version the known ones', () => {
  assert.match(refusalOf({ language: 'pyton', code: '' }).nearest?.join() ?? '', /^py/);
  assert.deepEqual(refusalOf({ language: 'python@2', code: '' }).nearest, ['python@3.11.2']);
});

test('an unknown field is told the fields that there are', () => {
  assert.match(refusalOf({ ...python, limits: { memory: 1 } }).detail, /memory_kb/);
});

test('all faults are named at once, and a million of them stay a short answer', () => {
  assert.equal(refusalOf({ ...python, args: ['\0', '\0'], env: { '': '' } }).errors?.length, 3);
  const refusal = refusalOf({ ...python, args: Array(100_000).fill(1) });
  assert.ok(JSON.stringify(refusal).length < 4096);
});

const accepted: readonly (readonly [string, object])[] = [
  ['content of just 24 MiB', { code: bytes(12 * 1024 ** 2), stdin: bytes(12 * 1024 ** 2) }],
  ['arguments and environment of just 128 KiB', { args: [bytes(131_068)], env: { A: '' } }],
  [
    '256 files',
    {
      code: undefined,
      files: Array.from({ length: 256 }, (_, n) => ({ path: `${n}`, content: '' })),
    },
  ],
  [
    'eight labels',
    { labels: Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`l${n}`, bytes(256)])) },
  ],
  [
    'every limit at its ceiling',
    { limits: { wall_time_ms: 60_000, output_kb: 16_384, processes: 512 } },
  ],
  ['network none', { network: 'none' }],
  ['limits of a compiler that there is none of', { compile: { limits: { memory_kb: 65_536 } } }],
];
for (const [name, part] of accepted) {
  test(`${name} is admitted`, () => {
    const { code, ...rest } = { ...python, ...part };
    admittedOf({ ...rest, ...(code === undefined ? {} : { code }) });
  });
}

test('code becomes the file that the language file names', () => {
  const { files, entry, recipe } = admittedOf({ ...python, code: 'é' });
  assert.equal(entry, recipe.source);
  assert.deepEqual(files, [{ path: entry, content: Buffer.from('é'), executable: false }]);
});

test('without an entry the first file is it, and base64 is decoded', () => {
  const files = [{ path: 'x', content: '/w==', encoding: 'base64', executable: true }, file];
  const admitted = admittedOf({ language: 'python', files });
  assert.equal(admitted.entry, 'x');
  assert.deepEqual(admitted.files[0], { path: 'x', content: Buffer.from([255]), executable: true });
});

test('a name of the prototype is an ordinary environment variable', () => {
  const body: unknown = JSON.parse('{"language":"python","code":"","env":{"__proto__":"x"}}');
  assert.deepEqual(Object.entries(admittedOf(body).env), [['__proto__', 'x']]);
});

test('a compiled language has limits of both stages', () => {
  const { limits } = admittedOf({ language: 'c', code: '', compile: { limits: { cpus: 1 } } });
  assert.equal(limits.compile?.cpus, 1);
});

test('a known language without its toolchain is missing, with what to install', () => {
  const value = validatedOf({ language: 'ruby', code: '', labels: { a: 'b' } });
  assert.ok(value.kind === 'missing');
  assert.equal(value.missing.language, 'ruby');
  assert.match(value.missing.message, /apt-get install/);
  assert.deepEqual(value.missing.labels, { a: 'b' });
});
