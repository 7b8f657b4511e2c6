import { readFileSync } from 'node:fs';
import type { SandboxResult } from '@gozolite/sandbox/backend';
import type { World } from '../hostile/worlds.js';
import { swapTold } from '../limits/swap.js';
import { delegate, killLauncher } from './launchers.js';
import { withoutRoot } from './rootless.js';
import { bash, holdsIn, python, start } from './sandbox.js';

export interface Verdict {
  /** In words, for the table. */
  readonly outcome: string;
  readonly problems: readonly string[];
}

/** A case beside the corpus: what the launcher reports, keeps and cancels. */
export interface Case {
  readonly id: string;
  readonly expected: string;
  run(world: World): Promise<Verdict>;
}

const MIB_KB = 1024;
const CANCEL_MS_MAX = 1000;

const FACTS = `
id -u; id -g
grep -E '^(Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp):' /proc/self/status | tr -s '\\t' ' '
touch /usr/file 2>/dev/null && echo usr-is-writable
touch /etc/file 2>/dev/null && echo etc-is-writable
test -e /sys/fs && echo has-sys
test -e /vm && echo has-host-root
set -- /proc/[0-9]*; [ $# -gt 9 ] && echo sees-others
uname -n
tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '
`;
const FACTS_WANTED = [
  '1000',
  '1000',
  ...['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'].map((set) => `Cap${set}: 0000000000000000`),
  'NoNewPrivs: 1',
  'Seccomp: 2',
  'sandbox',
  'lo',
];

export const CASES: readonly Case[] = [
  {
    id: 'cgroup-v2',
    expected: 'the launcher uses v2 alone, level full',
    run: async ({ backend }) => {
      const { cgroup, isolation, kernel } = await backend.diagnose();
      const missing = isolation.missing.map(({ layer, reason }) => `${layer}: ${reason}`);
      const mounts = readFileSync('/proc/self/mounts', 'utf8');
      return verdict(`${cgroup} ${isolation.level}, kernel ${kernel}`, [
        [cgroup === 'v2', `cgroup is ${cgroup}`],
        [isolation.level === 'full', `level is ${isolation.level}`],
        [missing.length === 0, missing.join('; ')],
        [!/ cgroup /.test(mounts), 'a v1 hierarchy is mounted'],
      ]);
    },
  },
  {
    id: 'isolation-facts',
    expected: 'uid 1000, no capabilities, seccomp, read-only /usr, own /proc, loopback only',
    run: async ({ backend }) => {
      const result = await start(backend, bash(FACTS)).ended;
      const seen = textOf(result.stdout).trim().split('\n');
      const isAsWanted = seen.join() === FACTS_WANTED.join();
      return verdict(isAsWanted ? 'as expected' : 'otherwise', [
        [isAsWanted, `${seen.join(', ')} ${textOf(result.stderr)}`],
      ]);
    },
  },
  {
    id: 'compile-then-run',
    expected: 'both runs start from the frozen output and change only their own copy',
    run: async ({ backend }) => {
      const compile = bash('mkdir out && echo built > out/file && echo gone > out/other');
      const built = await start(backend, { ...compile, keepOutput: true }).ended;
      if (built.layer === undefined) return failed(built, 'no layer');
      const change = {
        ...compile,
        args: ['-c', 'cat out/*; rm out/other; echo changed > out/file; cat out/*'],
        files: [],
      };
      const runs = [];
      for (let run = 0; run < 2; run += 1) {
        runs.push(await start(backend, { ...change, layer: built.layer }).ended);
      }
      await built.layer[Symbol.asyncDispose]();
      const said = runs.map(({ stdout }) => textOf(stdout).split('\n').join(' ').trim());
      return verdict(said.join(' | '), [
        ...runs.map((run) => [isFine(run), account(run)] as const),
        ...said.map((text) => [text === 'built gone changed', `printed ${text}`] as const),
      ]);
    },
  },
  {
    id: 'cancel',
    expected: 'cancelled, and nothing of it left in 1 s',
    run: async (world) => {
      const mark = 'vm-cancel';
      const sleeper = bash('echo started; sleep 600 & exec sleep 600');
      const run = start(world.backend, { ...sleeper, env: { MARK: mark } });
      await run.spoke;
      const before = world.left(mark);
      const askedMs = performance.now();
      run.cancel();
      const result = await run.ended;
      const isGone = await holdsIn(CANCEL_MS_MAX, () => world.left(mark) === 'nothing');
      const waitedMs = Math.round(performance.now() - askedMs);
      return verdict(`${result.outcome.kind} after ${waitedMs} ms`, [
        [result.outcome.kind === 'cancelled', account(result)],
        [before === 'process', `before it there was ${before}`],
        [isGone, `${world.left(mark)} is left after ${waitedMs} ms`],
      ]);
    },
  },
  {
    id: 'limit-no-swap',
    expected: 'the kernel is told that a sandbox has no swap',
    run: async (world) => {
      const told = await swapTold(world);
      return verdict(told.join(), [
        [told.includes('memory.swap.max 0'), `the kernel is told ${told.join()}`],
        [told.every((each) => each.endsWith(' 0')), `the kernel is told ${told.join()}`],
      ]);
    },
  },
  counted('memory-counter', 'memory_kb of a block of 40 MiB: 40 to 60 MiB', {
    command: python("block = b'x' * (40 << 20)\nprint(len(block))"),
    value: ({ usage }) => usage.memoryKb,
    range: [40 * MIB_KB, 60 * MIB_KB],
  }),
  counted('memory-counter-files', 'memory_kb of 20 MiB in /tmp: 20 to 40 MiB', {
    command: bash('head -c 20M /dev/zero > /tmp/file && stat -c %s /tmp/file'),
    value: ({ usage }) => usage.memoryKb,
    range: [20 * MIB_KB, 40 * MIB_KB],
  }),
  counted('memory-counter-small', 'memory_kb of a shell that does nothing: below 16 MiB', {
    command: bash('echo fine'),
    value: ({ usage }) => usage.memoryKb,
    range: [100, 16 * MIB_KB],
  }),
  counted('cpu-counter', 'cpu_us of 0.5 s at work: 0.5 to 5 s', {
    command: python('import time\nwhile time.process_time() < 0.5: pass\nprint("done")'),
    value: ({ usage }) => usage.cpuUs,
    range: [500_000, 5_000_000],
  }),
  counted('cpu-counter-idle', 'cpu_us of a second asleep: below half of it', {
    command: bash('sleep 1; echo done'),
    value: ({ usage }) => usage.cpuUs,
    range: [1, 500_000],
  }),
  hits('process-limit', 'limit-exceeded processes', 'processes', {
    command: bash('for n in {1..30}; do sleep 5 & done; wait', { processes: 10 }),
    isEnded: true,
  }),
  hits('process-limit-coped', 'exited 0 with processes in limits_hit', 'processes', {
    command: bash('(for n in {1..30}; do sleep 5 & done) 2>/dev/null; exit 0', { processes: 10 }),
    isEnded: false,
  }),
  hits('disk-limit', 'limit-exceeded disk_kb', 'disk_kb', {
    command: bash('head -c 8M /dev/zero > /work/file', { disk_kb: 2048 }),
    isEnded: true,
  }),
  hits('file-limit', 'limit-exceeded file_kb', 'file_kb', {
    command: bash('exec head -c 4M /dev/zero > /work/file', { file_kb: 1024 }),
    isEnded: true,
  }),
  {
    id: 'launcher-killed',
    expected: 'launcher-lost, its sandbox dead; the next launcher sweeps and runs',
    run: killLauncher,
  },
  {
    id: 'launcher-delegated',
    expected: 'sandboxes below the delegated group, with their limits',
    run: delegate,
  },
  {
    id: 'launcher-of-a-user-with-ids',
    expected: 'level full: a delegated group, and ids of /etc/subuid',
    run: () => withoutRoot({ hasIds: true }),
  },
  {
    id: 'launcher-of-a-user-without-ids',
    expected: 'level reduced for want of own uids; the delegated group holds the limits',
    run: () => withoutRoot({ hasIds: false }),
  },
];

interface Counted {
  readonly command: ReturnType<typeof bash>;
  value(result: SandboxResult): number;
  readonly range: readonly [number, number];
}

function counted(id: string, expected: string, { command, value, range }: Counted): Case {
  const [least, most] = range;
  return {
    id,
    expected,
    run: async ({ backend }) => {
      const result = await start(backend, command).ended;
      const seen = value(result);
      return verdict(String(seen), [
        [isFine(result), account(result)],
        [least <= seen && seen <= most, `${seen} is not in ${least} to ${most}`],
      ]);
    },
  };
}

interface Hit {
  readonly command: ReturnType<typeof bash>;
  /** The limit is the outcome; else the program exits 0 and the limit is only told. */
  readonly isEnded: boolean;
}

function hits(id: string, expected: string, limit: string, { command, isEnded }: Hit): Case {
  return {
    id,
    expected,
    run: async ({ backend }) => {
      const result = await start(backend, command).ended;
      const { outcome, limitsHit } = result;
      const hit = outcome.kind === 'limit-exceeded' && outcome.limit === limit;
      return verdict(`${outcome.kind}, hit ${limitsHit.join()}`, [
        [isEnded ? hit : isFine(result), account(result)],
        [limitsHit.some((name) => name === limit), `limits_hit is ${limitsHit.join()}`],
      ]);
    },
  };
}

function verdict(outcome: string, claims: readonly (readonly [boolean, string])[]): Verdict {
  return { outcome, problems: claims.filter(([holds]) => !holds).map(([, problem]) => problem) };
}

function failed(result: SandboxResult, problem: string): Verdict {
  return { outcome: result.outcome.kind, problems: [`${problem}: ${account(result)}`] };
}

function isFine({ outcome }: SandboxResult): boolean {
  return outcome.kind === 'exited' && outcome.exitCode === 0;
}

function account({ outcome, stdout, stderr }: SandboxResult): string {
  const texts = [stdout, stderr].map((bytes) => textOf(bytes).slice(0, 300));
  return JSON.stringify([outcome, ...texts]);
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}
