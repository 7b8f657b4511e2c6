import { createHash, randomUUID } from 'node:crypto';
import type { Compile } from '@gozolite/attacks/programs';
import type { Limits } from '@gozolite/contract/limits';
import type { SandboxCommand, SandboxResult } from '@gozolite/sandbox/backend';
import type { World } from '../hostile/worlds.js';
import type { LimitCase, Side } from './cases.js';

/** What a case says nothing of is wide enough not to matter. */
export const LIMITS: Limits = {
  wall_time_ms: 20_000,
  cpu_time_ms: 20_000,
  memory_kb: 128 * 1024,
  stack_kb: 8 * 1024,
  cpus: 1,
  output_kb: 64,
  disk_kb: 64 * 1024,
  file_kb: 64 * 1024,
  processes: 32,
  open_files: 64,
};
export const ENV = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/tmp', LC_ALL: 'C.UTF-8' };

interface Trial {
  readonly world: World;
  readonly compileC: Compile;
  /** How many times slower this machine is: times that are not the case's own matter get wider. */
  readonly slower: number;
}

/** Runs the case once: what was not as it says, with an account; empty where it holds. */
export async function tryCase(each: LimitCase, { world, compileC, slower }: Trial) {
  const command = await commandOf(each, compileC, slower);
  const result = await world.backend.run(command, { signal: new AbortController().signal });
  return { result, problems: problemsOf(each.side, result, slower) };
}

export function accountOf({ outcome, usage, limitsHit, stdout, stderr }: SandboxResult): string {
  const texts = [stdout, stderr].map((bytes) => textOf(bytes).slice(0, 200));
  return JSON.stringify([outcome, usage, limitsHit, ...texts]);
}

async function commandOf(
  each: LimitCase,
  compileC: Compile,
  slower: number,
): Promise<SandboxCommand> {
  const { language, code, side } = each;
  const limits = { ...LIMITS, ...widened(each, slower) };
  const common = {
    id: `limits/${randomUUID()}`,
    env: {},
    limits,
    stdin: new Uint8Array(each.stdinBytes),
    keepOutput: false,
    artifacts: side.artifacts === undefined ? [] : ['*'],
    files: [],
  };
  switch (language) {
    case 'c': {
      const program = { path: 'program', content: await compileC(code), executable: true };
      const args = ['/work/program', ...side.args];
      return { ...common, recipe: recipeOf('/usr/bin/env'), args, files: [program] };
    }
    case 'bash':
      return { ...common, recipe: recipeOf('/bin/bash'), args: ['-c', code, 'bash', ...side.args] };
    case 'python':
      return { ...common, recipe: recipeOf('/usr/bin/python3'), args: ['-Ic', code, ...side.args] };
  }
}

function recipeOf(program: string) {
  const recipe = { rootfs: 'host', command: [program] as [string], env: ENV };
  return { ...recipe, digest: createHash('sha256').update(JSON.stringify(recipe)).digest('hex') };
}

/** More time, but for the limit that the case is about. */
function widened({ limits, side }: LimitCase, slower: number): Partial<Limits> {
  const wider = { ...limits };
  for (const name of ['wall_time_ms', 'cpu_time_ms'] as const) {
    if (name !== side.limit) wider[name] = (limits[name] ?? LIMITS[name]) * slower;
  }
  return wider;
}

function problemsOf(side: Side, result: SandboxResult, slower: number): string[] {
  const { outcome, usage, limitsHit } = result;
  const expected: Record<string, unknown> = {
    kind: side.outcome,
    limit: side.limit,
    ...(side.signal === undefined ? {} : { signal: side.signal }),
    ...(side.outcome === 'exited' ? { exitCode: side.exit_code ?? 0 } : {}),
  };
  const hit = side.hit ?? (side.limit === undefined ? [] : [side.limit]);
  const files = side.limit === undefined ? result.artifacts.map(({ path }) => path) : [];
  return [
    ...Object.entries(expected)
      .filter(([name, value]) => Reflect.get(outcome, name) !== value)
      .map(([name, value]) => `${name} is ${Reflect.get(outcome, name)}, not ${value}`),
    ...(limitsHit.join() === hit.join() ? [] : [`limits_hit is ${limitsHit}, not ${hit}`]),
    ...outside('stdout_bytes', result.stdout.length, same(side.stdout_bytes)),
    ...outside('memory_kb', usage.memoryKb, side.memory_kb),
    ...outside('cpu_ms', Math.floor(usage.cpuUs / 1000), wider(side.cpu_ms, slower)),
    ...outside('wall_ms', Math.floor(usage.wallUs / 1000), wider(side.wall_ms, slower)),
    ...outside('CPU share', usage.cpuUs / usage.wallUs, [0, side.cpu_share_most ?? Infinity]),
    ...unlike('stdout', textOf(result.stdout), side.stdout),
    ...unlike('stderr', textOf(result.stderr), side.stderr),
    ...(side.artifacts === 'none' && files.some((path) => path !== 'program')
      ? [`it left ${files.join()}`]
      : []),
  ];
}

function outside(name: string, value: number, range: readonly [number, number] | undefined) {
  const isWithin = range === undefined || (range[0] <= value && value <= range[1]);
  return isWithin ? [] : [`${name} is ${value}, not ${range[0]} to ${range[1]}`];
}

function same(value: number | undefined) {
  return value === undefined ? undefined : ([value, value] as const);
}

function wider(range: readonly [number, number] | undefined, slower: number) {
  return range === undefined ? undefined : ([range[0], range[1] * slower] as const);
}

function unlike(name: string, text: string, pattern: string | undefined): string[] {
  if (pattern === undefined || new RegExp(pattern).test(text)) return [];
  return [`${name} is ${JSON.stringify(text.slice(0, 200))}, not /${pattern}/`];
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}
