import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Problem } from '@gozolite/contract/refusal';
import type { Gozo } from '@gozolite/sdk/gozo';
import { afterAll, beforeAll, test } from 'vitest';
import { openRaw, refusedHandshake } from '../../integration/interactive/talking.js';
import { eventually } from '../../server-under-test.js';
import { codeOf, HELLO, SLEEPING } from '../calls.js';
import { type Keyed, startKeyed } from '../keyed-server.js';

interface Tenant {
  readonly gozo: Gozo;
  readonly authorization: { readonly authorization: string };
}

const folder = mkdtempSync(join(tmpdir(), 'gozolite-listeners-'));
let keyed: Keyed | undefined;
let url = '';

beforeAll(async () => {
  writeFileSync(join(folder, 'two.yaml'), 'connections: 2');
  writeFileSync(join(folder, 'none.yaml'), 'connections: 0');
  const bounds = { GOZO_LISTENERS: '5', GOZO_LISTENERS_PER_TENANT: '4' };
  keyed = await startKeyed('sqlite', { GOZO_POLICIES: folder, ...bounds });
  url = keyed.server.url;
});
afterAll(async () => {
  await keyed?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const tenants = new Map<string, Promise<Tenant>>();

function tenant(name: string): Promise<Tenant> {
  const known = tenants.get(name) ?? make(name);
  tenants.set(name, known);
  return known;
}

async function make(name: string): Promise<Tenant> {
  const made = await keyed?.tenant(name);
  assert.ok(made);
  return { gozo: made.gozo, authorization: { authorization: `Bearer ${made.key}` } };
}

/** Begins to listen, and goes on. @returns the status, what was met, and what ends it */
async function listen({ authorization: headers }: Tenant, path: string) {
  const leaving = new AbortController();
  const answer = await fetch(`${url}${path}`, { headers, signal: leaving.signal });
  const told = answer.status === 200 ? undefined : ((await answer.json()) as Problem);
  const met = [answer.status, told?.code, told?.limit?.name].filter(Boolean).join(' ');
  return { met, retryAfter: answer.headers.get('retry-after'), leave: () => leaving.abort() };
}

async function listening(): Promise<number> {
  assert.ok(keyed);
  const { key } = await keyed.admin.admin.createKey({ tenant: 'ops', scopes: ['metrics'] });
  const headers = { authorization: `Bearer ${key}` };
  const text = await (await fetch(`${url}/metrics`, { headers })).text();
  return Number(/^gozolite_listeners (\d+)$/m.exec(text)?.[1]);
}

test('a tenant holds what its policy says, others theirs, and then it is full', async () => {
  const [two, other] = [await tenant('two'), await tenant('other')];
  const [own, others] = [await two.gozo.submit(SLEEPING), await other.gozo.submit(SLEEPING)];
  const [events, theirs] = [own, others].map(({ id }) => `/executions/${id}/events`);
  assert.ok(events && theirs);
  const held = [await listen(two, events), await listen(two, events)];
  assert.deepEqual(
    held.map(({ met }) => met),
    ['200', '200'],
  );
  assert.deepEqual((await two.gozo.usage()).connections, { used: 2, limit: 2 });
  assert.deepEqual((await other.gozo.usage()).connections, { used: 0, limit: 4 });
  const third = await listen(two, events);
  assert.equal(third.met, '429 RATE_LIMITED connections');
  assert.match(third.retryAfter ?? '', /^\d+$/);
  const waiting = await listen(two, `/executions/${own.id}?wait_s=1`);
  assert.equal(waiting.met, '429 RATE_LIMITED connections');
  const talk = await refusedHandshake({ ...two.authorization }, url);
  assert.deepEqual([talk.status, talk.code], [429, 'RATE_LIMITED']);
  // What is answered at once is not counted.
  assert.equal(await codeOf(two.gozo.execution(own.id)), 'ok');
  assert.equal((await two.gozo.execute(HELLO)).status, 'ok');
  for (let count = 0; count < 3; count += 1) held.push(await listen(other, theirs));
  assert.equal(held.at(-1)?.met, '200');
  assert.equal((await listen(other, theirs)).met, '503 OVERLOADED');
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
  for (const each of held) each.leave();
  await eventually('all is given back', 30_000, async () =>
    (await listening()) === 0 ? true : undefined,
  );
  await Promise.all([two.gozo.cancel(own.id), other.gozo.cancel(others.id)]);
});

test('a WebSocket is one until it is closed; a HEAD is none when it is answered', async () => {
  const two = await tenant('two-more');
  const headers = two.authorization;
  const raw = openRaw(url, [], { ...headers });
  await new Promise((resolve) => raw.socket.once('open', resolve));
  assert.equal(await listening(), 1);
  const { id } = await two.gozo.submit(SLEEPING);
  for (let count = 0; count < 8; count += 1) {
    const answer = await fetch(`${url}/executions/${id}/events`, { method: 'HEAD', headers });
    assert.equal(answer.status, 200);
  }
  raw.socket.close();
  await eventually('both are given back', 30_000, async () =>
    (await listening()) === 0 ? true : undefined,
  );
  await two.gozo.cancel(id);
});

test('a policy of 0 lets nobody wait; a client that waits for many gets each', async () => {
  const none = await tenant('none');
  const { id } = await none.gozo.submit(HELLO);
  assert.equal(
    (await listen(none, `/executions/${id}/events`)).met,
    '429 RATE_LIMITED connections',
  );
  const two = await tenant('two');
  const code = 'sleep 0.1; echo hello';
  const all = await Promise.all([1, 2, 3, 4].map(() => two.gozo.submit({ ...HELLO, code })));
  const records = await Promise.all(all.map(({ id: each }) => two.gozo.wait(each)));
  for (const { stdout } of records) assert.equal(stdout, 'hello\n');
});
