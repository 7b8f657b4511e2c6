import assert from 'node:assert/strict';
import type { KeptExecution } from '@gozolite/contract/kept/kept';
import { Gozo } from '@gozolite/sdk/gozo';
import { describe, test } from 'vitest';
import { startOwnServer } from '../integration/own-server.js';
import { eventually } from '../server-under-test.js';
import { SLEEPING } from './calls.js';
import { makeHome, STORES } from './keyed-server.js';

const QUICK = { language: 'bash', code: 'echo $RANDOM' };
/** How many ends are waited for before the server is killed: the later, the more has happened. */
const KILLED_AFTER: Readonly<Record<(typeof STORES)[number], readonly number[]>> = {
  sqlite: [0, 8],
  postgres: [5],
};

/** One after the other, until the server is gone. @returns those that were accepted */
async function submitting(gozo: Gozo, isOver: () => boolean): Promise<readonly string[]> {
  const ids: string[] = [];
  while (!isOver()) {
    const accepted = await gozo.submit(QUICK).catch(() => undefined);
    if (accepted === undefined) break; // No answer: nothing was promised.
    ids.push(accepted.id);
  }
  return ids;
}

async function all(gozo: Gozo): Promise<ReadonlyMap<string, KeptExecution>> {
  const found = new Map<string, KeptExecution>();
  for (let cursor: string | undefined; ; ) {
    const page = await gozo.executions({ limit: 100, ...(cursor && { cursor }) });
    for (const each of page.executions) found.set(each.id, each);
    cursor = page.next_cursor;
    if (cursor === undefined) return found;
  }
}

for (const store of STORES) {
  describe(store, () => {
    test('kill -9 again and again: what was accepted has one end, and keeps it', async () => {
      await using home = await makeHome(store);
      const env = { ...home.env, GOZO_AUTH: 'none', GOZO_CONCURRENCY: '2' };
      const accepted: string[] = [];
      const running: string[] = [];
      let before: ReadonlyMap<string, KeptExecution> = new Map();
      for (const ends of KILLED_AFTER[store]) {
        await using doomed = await startOwnServer(env);
        const gozo = new Gozo({ url: doomed.url });
        const ended = await all(gozo);
        expectEnds(accepted, ended, before);
        before = ended;
        // It has one of the two slots until the kill; the clients' have the other.
        running.push((await gozo.submit(SLEEPING)).id);
        let isOver = false;
        const clients = [1, 2, 3].map(() => submitting(gozo, () => isOver));
        await eventually(`${ends} more ends`, 60_000, async () => {
          const { executions } = await gozo.executions({ status: 'ok', limit: 100 });
          return executions.filter(({ id }) => !before.has(id)).length >= ends ? true : undefined;
        });
        doomed.child.kill('SIGKILL');
        await doomed.ended;
        isOver = true;
        accepted.push(...(await Promise.all(clients)).flat());
      }
      await using last = await startOwnServer(env);
      const gozo = new Gozo({ url: last.url });
      expectEnds(accepted, await all(gozo), before);
      for (const id of running) {
        const { state, record } = await gozo.execution(id);
        assert.deepEqual([state, record?.id, record?.error], ['ended', id, 'INTERRUPTED']);
      }
    });
  });
}

/** Each has ended, as a program of these can, and as it had ended before. */
function expectEnds(
  accepted: readonly string[],
  found: ReadonlyMap<string, KeptExecution>,
  before: ReadonlyMap<string, KeptExecution>,
): void {
  for (const id of accepted) {
    const { state, status = '' } = found.get(id) ?? {};
    assert.equal(state, 'ended', id);
    assert.match(status, /^(ok|failed)$/, id);
  }
  for (const [id, { status }] of before) assert.equal(found.get(id)?.status, status, id);
}

test('a stop that drains ends what runs and writes it down', async () => {
  await using home = await makeHome('sqlite');
  const env = { ...home.env, GOZO_AUTH: 'none', GOZO_CONCURRENCY: '1', GOZO_DRAIN_MS: '0' };
  const ids: string[] = [];
  {
    await using first = await startOwnServer(env);
    const gozo = new Gozo({ url: first.url });
    for (const request of [SLEEPING, QUICK]) ids.push((await gozo.submit(request)).id);
    first.child.kill('SIGTERM');
    assert.equal((await first.ended).exitCode, 0);
  }
  await using next = await startOwnServer({ ...env, GOZO_KEEP_RECORDS: '2' });
  const gozo = new Gozo({ url: next.url });
  for (const id of ids) assert.equal((await gozo.execution(id)).status, 'cancelled');
});
