import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Limits } from '@gozolite/contract/limits';
import type { Backend, SandboxCommand, WorkspaceFile } from '@gozolite/sandbox/backend';
import type { Attack } from './corpus.js';

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

export interface Program {
  readonly command: readonly [string, ...string[]];
  readonly args: readonly string[];
  readonly files: readonly WorkspaceFile[];
}

/** @throws where the compiler does not take it */
export type Compile = (code: string) => Promise<Uint8Array>;

/**
 * Compiles each C source once, in a sandbox that has every protection.
 * @param folder of the corpus, for lab.h
 */
export function createCompiler(backend: Backend, folder: string): Compile {
  const header = readFileSync(join(folder, 'lab.h'), 'utf8');
  const done = new Map<string, Promise<Uint8Array>>();
  return (code) => {
    const program = done.get(code) ?? compile(backend, header, code);
    done.set(code, program);
    return program;
  };
}

async function compile(backend: Backend, header: string, code: string): Promise<Uint8Array> {
  const files = [textFile('main.c', code), textFile('lab.h', header)];
  const command = ['/usr/bin/gcc'] as const;
  const args = ['-O1', '-w', '-pthread', '-o', 'program', 'main.c'];
  const request = commandOf(
    { command, args, files },
    { limits: COMPILE_LIMITS, artifacts: ['program'] },
  );
  const result = await backend.run(request, { signal: new AbortController().signal });
  const [binary] = result.artifacts;
  if (binary !== undefined) return binary.content;
  const said = Buffer.from(result.stderr).toString('utf8');
  throw new Error(`gcc: ${said}${JSON.stringify(result.outcome)}`);
}

/** Every run's file has a name of its own: where a workspace is not fresh, they must not meet. */
export async function programOf(
  { language }: Attack,
  code: string,
  compileC: Compile,
): Promise<Program> {
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

export function limitsOf({ language, limits }: Pick<Attack, 'language' | 'limits'>): Limits {
  const more = language === 'javascript' ? JAVASCRIPT_LIMITS : {};
  return { ...RUN_LIMITS, ...more, ...limits };
}

interface More {
  readonly limits: Limits;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly artifacts?: readonly string[];
}

export function commandOf({ command, args, files }: Program, more: More): SandboxCommand {
  const recipe = {
    rootfs: 'host',
    command,
    env: { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin', HOME: '/tmp', LC_ALL: 'C.UTF-8' },
  };
  const digest = createHash('sha256').update(JSON.stringify(recipe)).digest('hex');
  return {
    id: `attack/${randomUUID()}`,
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
