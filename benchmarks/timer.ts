import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** What a program in a sandbox gets, so that both sides do the same work. */
const ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
  LC_ALL: 'C.UTF-8',
  TZ: 'UTC',
  HOME: '/tmp',
  TMPDIR: '/tmp',
};

/** Where a timer leaves what was printed or answered, once its time is taken. */
const OUTPUT = 'gozolite-bare-output';

/** A small C program that times one thing in a process of its own. */
export interface Timer extends AsyncDisposable {
  /** Writes a file beside the program's, before its next run. */
  write(path: string, content: string): void;
  /** What the last run printed (`bare`) or was answered, with its head (`post`). */
  printed(): string;
  /** Milliseconds of one run. */
  run(): Promise<number>;
}

/**
 * Compiles benchmarks/<name>.c and starts it beside a file; for each byte it runs once.
 * @param argv its arguments
 */
export function startTimer(
  name: 'bare' | 'post',
  argv: readonly string[],
  file: { readonly path: string; readonly content: string },
  env: Readonly<Record<string, string>> = {},
): Timer {
  const folder = mkdtempSync(join(tmpdir(), `gozolite-${name}-`));
  const program = join(folder, name);
  const compile = spawnSync('gcc', ['-O2', '-o', program, `benchmarks/${name}.c`], {
    encoding: 'utf8',
  });
  if (compile.status !== 0) throw new Error(`gcc: ${compile.error?.message ?? compile.stderr}`);
  writeFileSync(join(folder, file.path), file.content);
  const child = spawn(program, argv, {
    cwd: folder,
    env: { ...ENVIRONMENT, ...env, GOZO_BARE_OUTPUT: join(folder, OUTPUT) },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    write: (path, content) => writeFileSync(join(folder, path), content),
    printed: () => readFileSync(join(folder, OUTPUT), 'utf8'),
    async run() {
      child.stdin.write('.');
      const line = await lines.next();
      if (line.done === true) throw new Error(`${name} ${argv.join(' ')} failed`);
      return Number(line.value) / 1e6;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(child, 'close');
      child.stdin.end();
      await closed;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
