import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecuteRequest } from '@gozolite/contract/execution';
import { GozoProblem } from '@gozolite/sdk/errors';
import type { Gozo } from '@gozolite/sdk/gozo';
import { afterAll, beforeAll, test } from 'vitest';
import { spawnServer } from '../integration/own-server.js';
import { eventually } from '../server-under-test.js';
import { entriesOf } from './audit-entries.js';
import { SLEEPING } from './calls.js';
import { type Keyed, startKeyed } from './keyed-server.js';

const HELLO = { language: 'bash', code: 'echo hello' };
const folder = mkdtempSync(join(tmpdir(), 'gozolite-policies-'));
let keyed: Keyed | undefined;
let pupil: Gozo;
let other: Gozo;

function write(name: string, text: string): void {
  writeFileSync(join(folder, 'unfinished'), text, { mode: 0o644 });
  renameSync(join(folder, 'unfinished'), join(folder, name));
}

const PUPIL = `
languages: [bash, python]
limits:
  run: { ceilings: { wall_time_ms: 2000 }, defaults: { processes: 32 } }
rules: { source_bytes_max: 100, patterns_refused: ['mkfifo'] }
`;

beforeAll(async () => {
  write('pupil.yaml', PUPIL);
  keyed = await startKeyed('sqlite', { GOZO_POLICIES: folder });
  pupil = (await keyed.tenant('pupil')).gozo;
  other = (await keyed.tenant('other')).gozo;
});
afterAll(async () => {
  await keyed?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

async function refusal(gozo: Gozo, request: ExecuteRequest): Promise<string> {
  try {
    return (await gozo.execute(request)).status;
  } catch (error) {
    assert.ok(error instanceof GozoProblem, String(error));
    return `${error.code} ${error.errors[0]?.pointer}`;
  }
}

for (const [name, more, code] of [
  ['a language of the list', {}, 'ok'],
  ['another language', { language: 'perl', code: '1' }, 'FORBIDDEN /language'],
  ['a limit at its ceiling', { limits: { wall_time_ms: 2000 } }, 'ok'],
  ['one above it', { limits: { wall_time_ms: 2001 } }, 'LIMIT_TOO_HIGH /limits/wall_time_ms'],
  ['100 bytes', { code: '#'.repeat(100) }, 'ok'],
  ['101 bytes', { code: '#'.repeat(101) }, 'FORBIDDEN /code'],
  ['a pattern', { code: 'mkfifo x' }, 'FORBIDDEN /code'],
] as const) {
  test(`${name}: ${code}, and none of it for another tenant`, async () => {
    const request: ExecuteRequest = { ...HELLO, ...more };
    assert.equal(await refusal(pupil, request), code);
    assert.doesNotMatch(await refusal(other, request), /FORBIDDEN|LIMIT/);
  });
}

test('a record has the limits and the digest of the policy of its tenant', async () => {
  const [mine, theirs] = [await pupil.execute(HELLO), await other.execute(HELLO)];
  assert.deepEqual([mine.limits.run.wall_time_ms, mine.limits.run.processes], [2000, 32]);
  assert.equal(theirs.limits.run.wall_time_ms, 10_000);
  assert.match(mine.policy_digest ?? '', /^[0-9a-f]{64}$/);
  assert.notEqual(mine.policy_digest, theirs.policy_digest);
  assert.equal((await pupil.execute(HELLO)).policy_digest, mine.policy_digest);
});

test('capabilities tell each what it may', async () => {
  const { languages, limits } = await pupil.capabilities();
  assert.deepEqual(languages.map(({ id }) => id).sort(), ['bash', 'python']);
  assert.equal(limits.run.ceilings.wall_time_ms, 2000);
  assert.ok((await other.capabilities()).languages.length > 100);
});

test('a change is seen while it serves; a broken one is told, and the old one stays', async () => {
  assert.ok(keyed);
  const { admin } = keyed;
  const before = (await pupil.execute(HELLO)).policy_digest;
  write('pupil.yaml', PUPIL.replace('bash, python', 'bash, perl'));
  const perl = { language: 'perl', code: 'print 1' };
  await eventually('the new policy', 10_000, async () =>
    (await refusal(pupil, perl)) === 'ok' ? true : undefined,
  );
  const after = (await pupil.execute(HELLO)).policy_digest;
  assert.notEqual(after, before);
  write('pupil.yaml', 'languages: [python]\nrules: { files: 1 }\n');
  const told = await eventually('the finding', 10_000, async () =>
    (await admin.diagnostics()).findings.find(({ id }) => id === 'policy'),
  );
  assert.match(told.detail, /pupil\.yaml:2: rules\.files: unknown key/);
  assert.equal((await pupil.execute(HELLO)).policy_digest, after);
  write('pupil.yaml', PUPIL);
  await eventually('the first policy', 10_000, async () =>
    (await pupil.execute(HELLO)).policy_digest === before ? true : undefined,
  );
  const { findings } = await admin.diagnostics();
  assert.ok(findings.every(({ id }) => id !== 'policy'));
});

test('what runs goes on under the policy that let it in, and is on record with that', async () => {
  assert.ok(keyed);
  const { policy_digest: before } = await other.execute(HELLO);
  const { id } = await other.submit(SLEEPING);
  await eventually('it runs', 30_000, async () =>
    (await other.execution(id)).state === 'running' ? true : undefined,
  );
  write('other.yaml', 'rules: { files_max: 7 }');
  await eventually('another policy', 30_000, async () =>
    (await other.execute(HELLO)).policy_digest === before ? undefined : true,
  );
  const { record } = await other.cancel(id);
  assert.equal(record?.policy_digest, before);
  const own = entriesOf(keyed.home.folder).filter(({ execution_id: of }) => of === id);
  const policies = own.flatMap(({ policy }) => (policy === undefined ? [] : [policy]));
  assert.deepEqual(policies, [before, before]);
});

test('a broken policy stops the start, with its line', async () => {
  const own = mkdtempSync(join(tmpdir(), 'gozolite-policies-'));
  writeFileSync(join(own, 'default.yaml'), 'languages: []\n');
  const env = { GOZO_POLICIES: own, GOZO_PORT: '0', GOZO_DATA: own };
  const { exitCode, stderr } = await spawnServer(env).ended;
  rmSync(own, { recursive: true });
  assert.equal(exitCode, 78);
  assert.match(stderr, /default\.yaml:1: languages: must NOT have fewer than 1 items/);
});
