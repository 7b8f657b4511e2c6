import type { PoolLine } from '@gozolite/sandbox/backend';
import { BackendUnavailable, type SandboxCommand } from '@gozolite/sandbox/backend';
import { createLogger } from '@gozolite/telemetry/logger';
import { expect, test } from 'vitest';
import { fakeClock } from '../testing/fake-clock.js';
import { createDemand } from './demand.js';
import type { HostMemory } from './size.js';

const GIB_KB = 1024 * 1024;
const OPTIONS = { memoryKbMax: GIB_KB, floor: 1, ceiling: 4, keepMs: 60_000, ageMs: 30_000 };
const PLENTY: HostMemory = { totalKb: 8 * GIB_KB, availableKb: 6 * GIB_KB, stalled: 0 };
const LIMITS = {
  ...{ wall_time_ms: 1, cpu_time_ms: 1, memory_kb: 1024, stack_kb: 64, cpus: 1 },
  ...{ output_kb: 1, disk_kb: 64, file_kb: 1, processes: 1, open_files: 8 },
};
const ABOUT = { language: 'python', version: '3', stage: 'run' } as const;

function command(change: Partial<SandboxCommand> = {}): SandboxCommand {
  const boot = { command: ['/p'], args: 1, env: {}, name: 'b', program: '' };
  return {
    id: 'x',
    recipe: { digest: 'a', rootfs: 'host', command: ['/p'], env: {}, boot },
    args: ['main.py', 'of the request'],
    env: {},
    limits: LIMITS,
    files: [],
    stdin: new Uint8Array(),
    keepOutput: false,
    artifacts: [],
    ...change,
  };
}

/** What was ordered, order by order; each sandbox that is ready takes 10 MiB. */
function setting(host: { is: HostMemory } = { is: PLENTY }) {
  const clock = fakeClock();
  const orders: (readonly PoolLine[])[] = [];
  const launcher = { isAway: false };
  const demand = createDemand({
    backend: {
      keepReady: async (lines) => {
        if (launcher.isAway) throw new BackendUnavailable('away');
        orders.push(lines);
        const one = { templated: 1 };
        return lines.map(({ count }) => ({ ...one, ready: count, memoryKb: count * 10 * 1024 }));
      },
    },
    options: OPTIONS,
    host: () => host.is,
    log: createLogger({ level: 'silent', to: 'stdout' }),
    clock,
  });
  const pass = async (ms: number) => {
    clock.advance(ms);
    await new Promise(setImmediate);
  };
  const last = () => orders.at(-1)?.map(({ args, count }) => [args.join(' '), count]);
  return { clock, demand, orders, launcher, pass, last };
}

test('the first request of a kind has one ordered for the next, soon after it', async () => {
  const { demand, orders, pass, last } = setting();
  demand.asked(command(), ABOUT);
  await pass(19);
  expect(orders).toEqual([]);
  await pass(1);
  expect(last()).toEqual([['main.py', 1]]);
});

test('a burst has as many ordered as came in its second, and they go after a minute', async () => {
  const { demand, pass, last } = setting();
  for (let request = 0; request < 3; request += 1) demand.asked(command(), ABOUT);
  await pass(1_000);
  expect(last()).toEqual([['main.py', 3]]);
  for (let second = 0; second < 59; second += 1) await pass(1_000);
  demand.asked(command(), ABOUT);
  for (let second = 0; second < 7; second += 1) await pass(1_000);
  expect(last()).toEqual([['main.py', 1]]);
});

test('what nobody asks for any more is let go of, and then nothing is looked at', async () => {
  const { clock, demand, orders, pass, last } = setting();
  demand.asked(command(), ABOUT);
  for (let second = 0; second < 70; second += 1) await pass(1_000);
  expect(last()).toEqual([]);
  const count = orders.length;
  await pass(1_000_000);
  expect([orders.length, clock.scheduled()]).toEqual([count, 0]);
});

test('a host that runs short has the pool emptied, and filled again after that', async () => {
  const host = { is: PLENTY };
  const { demand, pass, last } = setting(host);
  demand.asked(command(), ABOUT);
  await pass(20);
  host.is = { ...PLENTY, availableKb: 0 };
  await pass(5_000);
  expect(last()).toEqual([]);
  host.is = PLENTY;
  await pass(5_000);
  expect(last()).toEqual([['main.py', 1]]);
});

test('a launcher that went away is told again', async () => {
  const { demand, launcher, orders, pass, last } = setting();
  launcher.isAway = true;
  demand.asked(command(), ABOUT);
  await pass(20);
  expect(orders).toEqual([]);
  launcher.isAway = false;
  await pass(5_000);
  expect(last()).toEqual([['main.py', 1]]);
});

test('a flood of kinds is bounded: the oldest are forgotten', async () => {
  const { demand, orders, pass } = setting();
  for (let kind = 0; kind < 200; kind += 1) demand.asked(command({ args: [`${kind}`] }), ABOUT);
  await pass(20);
  const names = orders.at(-1)?.map(({ args }) => Number(args[0])) ?? [];
  expect(names.length).toBeLessThanOrEqual(64);
  expect(Math.min(...names)).toBeGreaterThanOrEqual(200 - 64);
});

test('a run of what a compile left is foreseen as any other', async () => {
  const { demand, orders, pass } = setting();
  const layer = { handle: 'l', [Symbol.asyncDispose]: async () => undefined };
  const { boot: _, ...recipe } = command().recipe;
  demand.asked(command({ layer, recipe }), ABOUT);
  await pass(20);
  expect(orders.at(-1)?.map((line) => line.recipe)).toEqual([recipe]);
});

test('what no sandbox can be prepared for is neither ordered nor counted', async () => {
  const { demand, orders, pass } = setting();
  const data = [{ name: 'iris', digest: 'd', bytes: 1, files: 1 }];
  const { recipe } = command();
  const { boot } = recipe;
  const holding = { ...recipe, ...(boot && { boot: { ...boot, holds: 'program' as const } }) };
  const keeping = { ...recipe, ...(boot && { boot: { ...boot, keeps_env: ['A*'] } }) };
  const deaf = { ...recipe, ...(boot && { boot: { ...boot, keeps_args: true as const } }) };
  const owns = [
    { data },
    { args: ['x'.repeat(5000)] },
    { recipe: keeping, env: { B: '1', AB: '1' } },
    { recipe: holding, args: ['main.py', 'its own'] },
    { recipe: deaf, args: ['main.py', 'its own'] },
  ];
  for (const own of owns) {
    demand.asked(command(own), ABOUT);
    demand.served(command(own), ABOUT, false);
  }
  await pass(10_000);
  expect(orders).toEqual([]);
  expect((await demand.state())?.recipes).toEqual([]);
});

test('hits, misses and memory are told by language and stage', async () => {
  const { demand, pass } = setting();
  for (const [at, name] of ['main.py', 'main.py', 'other.py'].entries()) {
    demand.asked(command({ args: [name] }), ABOUT);
    demand.served(command({ args: [name] }), ABOUT, at === 1);
  }
  await pass(20);
  const seen = await demand.state();
  expect(seen?.recipes).toEqual([
    { ...ABOUT, wanted: 3, ready: 3, templated: 2, hits: 1, misses: 2, memory_kb: 3 * 10 * 1024 },
  ]);
  expect(seen?.memory_kb).toBe(3 * 10 * 1024);
});

test('a runtime is booted for the most memory that was asked for, not for the least', async () => {
  const { demand, orders, pass } = setting();
  for (const memoryKb of [2048, 1024]) {
    demand.asked(command({ limits: { ...LIMITS, memory_kb: memoryKb } }), ABOUT);
  }
  await pass(20);
  expect(orders.at(-1)?.map(({ limits }) => limits.memory_kb)).toEqual([2048]);
});
