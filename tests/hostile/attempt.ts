import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Limits } from '@gozolite/contract/limits';
import type { Outcome } from '@gozolite/contract/outcome';
import type { SandboxCommand, SandboxResult, WorkspaceFile } from '@gozolite/sandbox/backend';
import type { Attack, Ending } from './corpus.js';
import { leftOnHost, type World } from './worlds.js';

export const ATTACKS = join(import.meta.dirname, '../../attacks');

/** Small limits, so that an attack on one of them is short. */
const RUN_LIMITS: Limits = {
  wall_time_ms: 6000,
  cpu_time_ms: 4000,
  memory_kb: 64 * 1024,
  stack_kb: 8 * 1024,
  cpus: 1,
  output_kb: 64,
  disk_kb: 8 * 1024,
  file_kb: 8 * 1024,
  processes: 32,
  open_files: 64,
};
/** What an engine with a compiler and a thread pool of its own takes before it does anything. */
const JAVASCRIPT_LIMITS: Partial<Limits> = { memory_kb: 256 * 1024 };
const COMPILE_LIMITS: Limits = {
  ...RUN_LIMITS,
  wall_time_ms: 30_000,
  cpu_time_ms: 20_000,
  memory_kb: 512 * 1024,
  disk_kb: 64 * 1024,
  file_kb: 64 * 1024,
};

/** A sandbox that ended must have left nothing by then; a killed one is waited for as long. */
const GONE_MS_MAX = 1000;

export interface Evidence {
  readonly outcome: Outcome;
  readonly stdout: string;
  readonly stderr: string;
  readonly beside: string;
  readonly artifacts: string;
  readonly left: 'nothing' | 'process' | 'cgroup';
}

interface Program {
  readonly command: readonly [string, ...string[]];
  readonly args: readonly string[];
  readonly files: readonly WorkspaceFile[];
}

export type Compile = (code: string) => Promise<Uint8Array>;

/** Compiles each C source once, in a sandbox of the world that has every protection. */
export function createCompiler(world: World): Compile {
  const done = new Map<string, Promise<Uint8Array>>();
  return (code) => {
    const program = done.get(code) ?? compile(world, code);
    done.set(code, program);
    return program;
  };
}

async function compile(world: World, code: string): Promise<Uint8Array> {
  const files = [
    textFile('main.c', code),
    textFile('lab.h', readFileSync(join(ATTACKS, 'lab.h'), 'utf8')),
  ];
  const command = ['/usr/bin/gcc'] as const;
  const args = ['-O1', '-w', '-pthread', '-o', 'program', 'main.c'];
  const request = commandOf(
    { command, args, files },
    { limits: COMPILE_LIMITS, artifacts: ['program'] },
  );
  const result = await world.backend.run(request, { signal: new AbortController().signal });
  const [binary] = result.artifacts;
  if (binary === undefined) throw new Error(`gcc: ${textOf(result.stderr)}${described(result)}`);
  return binary.content;
}

/** Every run's file has a name of its own: where a workspace is not fresh, they must not meet. */
async function programOf({ language }: Attack, code: string, compileC: Compile): Promise<Program> {
  const path = `program-${randomUUID()}`;
  switch (language) {
    case 'c': {
      const program = { path, content: await compileC(code), executable: true };
      return { command: ['/usr/bin/env'], args: [`/work/${path}`], files: [program] };
    }
    case 'bash':
      return { command: ['/bin/bash'], args: [path], files: [textFile(path, code)] };
    case 'python':
      return { command: ['/usr/bin/python3', '-I'], args: [path], files: [textFile(path, code)] };
    case 'javascript':
      return { command: ['/usr/bin/env', 'node'], args: [path], files: [textFile(path, code)] };
  }
}

/** Runs the attack, with all that goes before and beside it, and gathers what can be seen of it. */
export async function attempt(world: World, attack: Attack, compileC: Compile): Promise<Evidence> {
  const options = optionsOf(attack, world);
  const run = async (code: string, more = {}) => {
    const program = await programOf(attack, code, compileC);
    return start(world, commandOf(program, { ...options, ...more }));
  };
  if (attack.before !== undefined) await (await run(attack.before)).ended;
  const beside = attack.beside === undefined ? undefined : await run(attack.beside);
  await beside?.spoke;
  const main = await run(attack.code, { artifacts: attack.artifacts ?? [] });
  if (attack.walk_away === true) {
    await main.spoke;
    main.walkAway();
  }
  const result = await main.ended;
  beside?.walkAway();
  const besideResult = await beside?.ended;
  return evidenceOf(result, besideResult, await leftAfter(world, options.env.GOZO_MARK));
}

/** Runs the harmless sibling alone. */
export async function attemptTwin(world: World, attack: Attack, compileC: Compile) {
  const options = optionsOf(attack, world);
  const { code = attack.code, args = [] } = attack.twin;
  const program = await programOf(attack, code, compileC);
  const command = commandOf(program, { ...options, args, artifacts: attack.artifacts ?? [] });
  const result = await (await start(world, command)).ended;
  return evidenceOf(result, undefined, await leftAfter(world, options.env.GOZO_MARK));
}

function optionsOf(attack: Attack, world: World) {
  // Every process of the sandbox inherits the mark, and the host can read it.
  const env = { ...world.env, GOZO_MARK: `gozo-mark-${randomUUID()}` };
  const more = attack.language === 'javascript' ? JAVASCRIPT_LIMITS : {};
  return { env, limits: { ...RUN_LIMITS, ...more, ...attack.limits } };
}

function start(world: World, command: SandboxCommand) {
  const abort = new AbortController();
  let speak = () => {};
  const spoke = new Promise<void>((resolve) => {
    speak = resolve;
  });
  const ended = world.backend.run(command, { signal: abort.signal, onOutput: () => speak() });
  ended.finally(speak);
  return { ended, spoke, walkAway: () => abort.abort() };
}

function commandOf(
  { command, args, files }: Program,
  more: {
    readonly limits: Limits;
    readonly env?: Readonly<Record<string, string>>;
    readonly args?: readonly string[];
    readonly artifacts?: readonly string[];
  },
): SandboxCommand {
  const recipe = {
    rootfs: 'host',
    command,
    env: { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin', HOME: '/tmp', LC_ALL: 'C.UTF-8' },
  };
  const digest = createHash('sha256').update(JSON.stringify(recipe)).digest('hex');
  return {
    id: `hostile/${randomUUID()}`,
    recipe: { ...recipe, digest },
    args: [...args, ...(more.args ?? [])],
    env: more.env ?? {},
    limits: more.limits,
    files,
    stdin: new Uint8Array(0),
    keepOutput: false,
    artifacts: more.artifacts ?? [],
  };
}

function textFile(path: string, text: string): WorkspaceFile {
  return { path, content: Buffer.from(text), executable: false };
}

/** Looks until nothing is left, or the time that a removal may take is over. */
async function leftAfter(world: World, mark: string): Promise<Evidence['left']> {
  const deadline = performance.now() + GONE_MS_MAX;
  let left = leftOnHost(world, mark);
  while (left !== 'nothing' && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    left = leftOnHost(world, mark);
  }
  return left;
}

function evidenceOf(
  result: SandboxResult,
  beside: SandboxResult | undefined,
  left: Evidence['left'],
): Evidence {
  return {
    outcome: result.outcome,
    stdout: textOf(result.stdout),
    stderr: textOf(result.stderr),
    beside: beside === undefined ? '' : textOf(beside.stdout),
    artifacts: result.artifacts.map((file) => `${file.path}: ${textOf(file.content)}`).join('\n'),
    left,
  };
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}

function described(result: SandboxResult): string {
  return JSON.stringify(result.outcome);
}

/** What differs between an ending and what was seen; empty where it matches. */
export function mismatches(ending: Ending, seen: Evidence): string[] {
  const { outcome } = seen;
  const facts: Record<string, unknown> = {
    outcome: outcome.kind,
    exit_code: 'exitCode' in outcome ? outcome.exitCode : undefined,
    signal: 'signal' in outcome ? outcome.signal : undefined,
    limit: 'limit' in outcome ? outcome.limit : undefined,
    left: seen.left,
  };
  const exact = Object.entries(facts)
    .filter(([name, fact]) => name in ending && Reflect.get(ending, name) !== fact)
    .map(([name, fact]) => `${name} is ${String(fact)}, not ${Reflect.get(ending, name)}`);
  const patterns = (['stdout', 'stderr', 'beside', 'artifacts'] as const).flatMap((name) => {
    const pattern = ending[name];
    if (pattern === undefined || new RegExp(pattern, 'm').test(seen[name])) return [];
    return [`${name} is ${JSON.stringify(seen[name].slice(0, 300))}, not /${pattern}/`];
  });
  return [...exact, ...patterns];
}
