import { extname } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import type { ExecuteRequest, Execution } from '@gozolite/contract/execution';
import { ofExtension } from '@gozolite/languages/names/extension';
import type { Gozo } from '@gozolite/sdk/gozo';
import { type Connection, connect, type Wanted, type Where } from '../connect.js';
import { cuts, exitCodeOf, explain } from '../exit-code.js';
import { readProgramFiles, writeArtifacts } from '../files.js';
import { type RunInput, requestOf } from '../request.js';
import { UsageError } from '../usage-error.js';
import { interact } from './interact.js';
import { write } from './write.js';

export interface RunOptions extends Omit<RunInput, 'language' | 'program' | 'stdin'> {
  readonly language: string | undefined;
  /** --code; else files, of which `-` is standard input. */
  readonly code: string | undefined;
  readonly files: readonly string[];
  readonly passesStdin: boolean;
  readonly json: boolean;
  readonly out: string | undefined;
  readonly requestId: string | undefined;
  /** Of gozo submit: who is told of the end. */
  readonly webhook: string | undefined;
  /** The same, sent again: it runs once. */
  readonly idempotencyKey: string | undefined;
  /** What is typed goes to the program as it is typed; with `tty` into a terminal of its own. */
  readonly interactive: boolean;
  readonly tty: boolean;
  /** TERM, for a terminal of the same kind. */
  readonly term?: string | undefined;
}

/** `gozo run`. @returns the exit code. */
export async function run(where: Where, options: RunOptions, signal: AbortSignal): Promise<number> {
  const read = await readInput(options);
  const connection: Connection = await connect(where, wantedOf(options));
  try {
    const request = await requestWith(connection.gozo, options, read);
    const { requestId } = options;
    if (options.interactive) {
      const execution = await interact(connection.gozo, request, options, signal);
      if (options.json) await print(execution, options);
      else await printEnd(execution, options);
      return exitCodeOf(execution);
    }
    const execution = await connection.gozo.execute(request, {
      signal,
      ...(requestId === undefined ? {} : { requestId }),
    });
    await print(execution, options);
    return exitCodeOf(execution);
  } finally {
    await connection[Symbol.asyncDispose]();
  }
}

/** The request that a server is given of what was typed. */
export async function requestFor(gozo: Gozo, options: RunOptions): Promise<ExecuteRequest> {
  return requestWith(gozo, options, await readInput(options));
}

type Input = Pick<RunInput, 'program' | 'stdin'>;

async function readInput(options: RunOptions): Promise<Input> {
  const program = await programOf(options);
  const readsStdin =
    options.passesStdin &&
    !options.interactive &&
    !options.files.includes('-') &&
    !process.stdin.isTTY;
  return { program, stdin: readsStdin ? await buffer(process.stdin) : undefined };
}

async function requestWith(gozo: Gozo, options: RunOptions, input: Input): Promise<ExecuteRequest> {
  const language = options.language ?? (await languageOf(gozo, options.files));
  return requestOf({ ...options, language, ...input });
}

async function programOf({
  code,
  files,
  language,
  out,
  artifacts,
  json,
}: RunOptions): Promise<RunInput['program']> {
  if (artifacts.length > 0 && out === undefined && !json) {
    throw new UsageError('--artifact wants --out <folder> to write to, or --json');
  }
  if ((code === undefined) === (files.length === 0)) {
    throw new UsageError('give either files or --code: gozo run main.py');
  }
  if ((code !== undefined || files.includes('-')) && language === undefined) {
    throw new UsageError('a program without a file name wants --language');
  }
  if (code !== undefined) return { code };
  if (!files.includes('-')) return { files: readProgramFiles(files) };
  if (files.length > 1) throw new UsageError('"-" is the whole program: no other file beside it');
  return { code: await text(process.stdin) };
}

function wantedOf({ language, files }: RunOptions): Wanted {
  if (language !== undefined) return { kind: 'name', name: language };
  return { kind: 'extension', extension: extname(files[0] ?? '').toLowerCase() };
}

/** The server knows which language a file name's ending belongs to, also of its own folders. */
async function languageOf(gozo: Gozo, files: readonly string[]): Promise<string> {
  const { languages } = await gozo.capabilities();
  const language = ofExtension(languages, extname(files[0] ?? ''));
  if (language === undefined) {
    throw new UsageError(`no language has files as ${files[0]}: name it with --language`);
  }
  return language.id;
}

export async function print(
  execution: Execution,
  { json, out }: Pick<RunOptions, 'json' | 'out'>,
): Promise<void> {
  if (json) {
    await write(process.stdout, `${JSON.stringify(execution, null, 2)}\n`);
  } else {
    const { compile, stage } = execution;
    // A compiler that let the program run only warned; its words go where warnings go.
    if (compile !== undefined) {
      await write(process.stderr, decode(compile.stdout, compile.stdout_encoding));
      await write(process.stderr, decode(compile.stderr, compile.stderr_encoding));
    }
    if (stage !== 'compile') {
      await write(process.stdout, decode(execution.stdout, execution.stdout_encoding));
      await write(process.stderr, decode(execution.stderr, execution.stderr_encoding));
    }
  }
  await printEnd(execution, { json, out });
}

/** What its output does not say. */
async function printEnd(
  execution: Execution,
  { json, out }: Pick<RunOptions, 'json' | 'out'>,
): Promise<void> {
  for (const line of json ? [] : [explain(execution), ...cuts(execution)]) {
    if (line !== undefined) await write(process.stderr, `gozo: ${line}\n`);
  }
  if (out === undefined) return;
  for (const path of await writeArtifacts(out, execution.artifacts ?? [])) {
    await write(process.stderr, `gozo: wrote ${path}\n`);
  }
}

function decode(text: string, encoding: 'base64' | undefined): Buffer {
  return Buffer.from(text, encoding ?? 'utf8');
}
