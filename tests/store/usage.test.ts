import assert from 'node:assert/strict';
import { migrate } from '@gozolite/store/migrations/migrate';
import type { Database } from '@gozolite/store/sql';
import {
  type Amounts,
  forgetUsage,
  giveBack,
  type Reservation,
  readUsage,
  reserve,
  writeUsage,
} from '@gozolite/store/usage';
import { describe, test } from 'vitest';
import { KINDS } from './databases.js';

const WINDOWS = [
  { span: 'hour', startsAt: 3_600_000 },
  { span: 'day', startsAt: 0 },
];
const windowsOf = () => WINDOWS;
const USED = { executions: 1, cpuMs: 12, outputBytes: 6 };
const NOTHING = { begun: [], ended: [], whole: [] };

function asked(execution: string, server = 'srv_1'): Reservation {
  const amounts = { cpuMs: 1000, outputBytes: 500 };
  return { execution, tenant: 'acme', server, admittedAt: 3_700_000, ...amounts };
}

const upTo =
  (executions: number) =>
  (totals: readonly Amounts[]): boolean =>
    totals.every((total) => total.executions <= executions);

async function usedIn(store: Database): Promise<readonly (readonly number[])[]> {
  const all = await Promise.all(WINDOWS.map((window) => readUsage(store, 'acme', window)));
  return all.map(({ executions, cpuMs, outputBytes }) => [executions, cpuMs, outputBytes]);
}

for (const { kind, place } of KINDS) {
  describe(kind, () => {
    test('what is set aside counts, and what was used takes its place once', async () => {
      await using own = await place();
      const store = await own.open();
      await migrate(store);
      const { isHeld, totals } = await reserve(store, asked('exe_1'), WINDOWS, upTo(1));
      assert.deepEqual([isHeld, totals.length, totals[0]?.cpuMs], [true, 2, 1000]);
      await writeUsage(
        store,
        { ...NOTHING, ended: [{ execution: 'exe_1', used: USED }] },
        windowsOf,
      );
      await writeUsage(
        store,
        { ...NOTHING, ended: [{ execution: 'exe_1', used: USED }] },
        windowsOf,
      );
      await writeUsage(
        store,
        { ...NOTHING, ended: [{ execution: 'exe_2', used: USED }] },
        windowsOf,
      );
      assert.deepEqual(await usedIn(store), [
        [1, 12, 6],
        [1, 12, 6],
      ]);
    });

    test('of 100 at once against 10, over four connections, 10 are held', async () => {
      await using own = await place();
      const stores = await Promise.all([1, 2, 3, 4].map(() => own.open()));
      await Promise.all(stores.map((store) => migrate(store)));
      const held = await Promise.all(
        Array.from({ length: 100 }, (_, at) => {
          const store = stores[at % stores.length];
          assert.ok(store);
          return reserve(store, asked(`exe_${at}`), WINDOWS, upTo(10));
        }),
      );
      assert.equal(held.filter(({ isHeld }) => isHeld).length, 10);
      const [store] = stores;
      assert.ok(store);
      assert.deepEqual(await usedIn(store), [
        [10, 10_000, 5000],
        [10, 10_000, 5000],
      ]);
    });

    test('what a killed server held is given back, and what another holds is not', async () => {
      await using own = await place();
      const store = await own.open();
      await migrate(store);
      await reserve(store, asked('exe_1', 'srv_1'), WINDOWS, upTo(9));
      await reserve(store, asked('exe_2', 'srv_2'), WINDOWS, upTo(9));
      assert.equal(await giveBack(store, 'srv_1', 0, windowsOf), 1);
      assert.deepEqual((await usedIn(store))[0], [2, 1000, 500]);
      assert.equal(await giveBack(store, 'srv_1', 3_700_001, windowsOf), 1);
      assert.deepEqual((await usedIn(store))[0], [2, 0, 0]);
      await forgetUsage(store, 1);
      assert.deepEqual(await usedIn(store), [
        [2, 0, 0],
        [0, 0, 0],
      ]);
    });
  });
}

for (const { kind, place } of KINDS) {
  test(`${kind}: what is written behind counts the same, over windows and tenants`, async () => {
    await using own = await place();
    const store = await own.open();
    await migrate(store);
    const late = (execution: string) => ({ ...asked(execution), tenant: 'late' });
    const begun = [asked('exe_1'), asked('exe_2'), late('exe_3')];
    const whole = [{ reservation: asked('exe_4'), used: USED }];
    await writeUsage(store, { ...NOTHING, begun, whole }, windowsOf);
    assert.deepEqual((await usedIn(store))[0], [3, 2012, 1006]);
    const ended = ['exe_1', 'exe_3'].map((execution) => ({ execution, used: USED }));
    await writeUsage(store, { ...NOTHING, ended }, windowsOf);
    assert.deepEqual((await usedIn(store))[1], [3, 1024, 512]);
    assert.deepEqual(await readUsage(store, 'late', { span: 'day', startsAt: 0 }), USED);
    assert.equal(await giveBack(store, 'srv_1', 0, windowsOf), 1);
    assert.deepEqual((await usedIn(store))[0], [3, 24, 12]);
  });
}
