import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { openRaw, refusedHandshake, speak } from '../integration/interactive/talking.js';
import { eventually } from '../server-under-test.js';
import { entriesOf, kindsOf, logText } from './audit-entries.js';
import { codeOf } from './calls.js';
import { type Keyed, startKeyed } from './keyed-server.js';

const READS = { language: 'bash', code: 'echo ready; read -r line; echo "<$line>"' };
const POLICIES = {
  once: 'quotas: { day: { executions: 1 } }',
  alone: 'concurrency: 1',
  pythons: 'languages: [python]',
};

const folder = mkdtempSync(join(tmpdir(), 'gozolite-interactive-'));
for (const [name, text] of Object.entries(POLICIES)) {
  writeFileSync(join(folder, `${name}.yaml`), text);
}
afterAll(() => rmSync(folder, { recursive: true }));

let keyed: Keyed | undefined;
beforeAll(async () => {
  keyed = await startKeyed('sqlite', { GOZO_POLICIES: folder });
});
afterAll(() => keyed?.[Symbol.asyncDispose]());

function its(): Keyed {
  assert.ok(keyed);
  return keyed;
}

test('without a key that may, there is no WebSocket', async () => {
  const { server, admin } = its();
  const asked = async (authorization?: string) => {
    const headers = authorization === undefined ? {} : { authorization };
    const { status, code } = await refusedHandshake(headers, server.url);
    return `${status} ${code}`;
  };
  assert.equal(await asked(), '401 UNAUTHENTICATED');
  assert.equal(await asked(`Bearer gzl_${'0'.repeat(49)}`), '401 UNAUTHENTICATED');
  const { key } = await admin.admin.createKey({ tenant: 'ops', scopes: ['read'] });
  assert.equal(await asked(`Bearer ${key}`), '403 FORBIDDEN');
  const wrong = await refusedHandshake({}, server.url, ['gozo.v1', 'gozo.key.gzl_none']);
  assert.equal(wrong.code, 'UNAUTHENTICATED');
  assert.doesNotMatch(wrong.body, /gzl_none/);
});

test('a page sends its key as a sub-protocol, which is not given back', async () => {
  const { server, tenant } = its();
  const { key } = await tenant('pages');
  const raw = openRaw(server.url, ['gozo.v1', `gozo.key.${key}`]);
  await new Promise((resolve) => raw.socket.once('open', resolve));
  assert.equal(raw.socket.protocol, 'gozo.v1');
  raw.socket.send(JSON.stringify({ type: 'start', request: READS }));
  await raw.first('output');
  raw.socket.send('{"type":"stdin","content":"hello\\n"}');
  const { messages } = await raw.closed;
  const last = messages.at(-1);
  assert.ok(last?.type === 'ended');
  assert.equal(last.record.tenant, 'pages');
  assert.equal(last.record.stdout, 'ready\n<hello>\n');
  const headers = { origin: 'https://elsewhere.example' };
  const foreign = await refusedHandshake(headers, server.url, ['gozo.v1', `gozo.key.${key}`]);
  assert.equal(foreign.code, 'FORBIDDEN');
});

test('policy, concurrency and quota hold as for every execution', async () => {
  const { tenant } = its();
  const pythons = (await tenant('pythons')).gozo;
  const other = await speak(READS, {}, pythons);
  assert.equal(await codeOf(other.talk.ended), '403 FORBIDDEN');
  const alone = (await tenant('alone')).gozo;
  const first = await speak(READS, {}, alone);
  await first.until(/ready/);
  const second = await speak(READS, {}, alone);
  assert.equal(await codeOf(second.talk.ended), '429 RATE_LIMITED');
  await first.talk.write('x\n');
  assert.equal((await first.talk.ended).status, 'ok');
  const once = (await tenant('once')).gozo;
  const only = await speak(READS, {}, once);
  await only.talk.write('x\n');
  assert.equal((await only.talk.ended).status, 'ok');
  const more = await speak(READS, {}, once);
  assert.equal(await codeOf(more.talk.ended), '429 QUOTA_EXCEEDED');
  const { day } = await once.usage();
  assert.equal(day.executions.used, 1);
});

test('it is on record: what ran, what was refused, and no key', async () => {
  const { home, tenant } = its();
  const { gozo, key } = await tenant('recorded');
  const { talk, event, until } = await speak(READS, {}, gozo);
  const { id } = await event('queued');
  await until(/ready/);
  talk.close();
  assert.equal((await gozo.wait(id)).status, 'cancelled');
  const bad = await speak({ language: 'nothing', code: '' }, {}, gozo);
  assert.equal(await codeOf(bad.talk.ended), '422 UNKNOWN_LANGUAGE');
  await eventually('the entries', 30_000, () => {
    const entries = entriesOf(home.folder);
    const isWhole = kindsOf(entries, id).join() === 'admitted,started,ended';
    const refused = entries.some(({ kind, code, tenant: whose }) => {
      return kind === 'refused' && code === 'UNKNOWN_LANGUAGE' && whose === 'recorded';
    });
    return isWhole && refused ? true : undefined;
  });
  assert.ok(!logText(home.folder).includes(key));
});
