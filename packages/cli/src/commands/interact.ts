import type { ExecuteRequest, Execution } from '@gozolite/contract/execution';
import type { TerminalSize } from '@gozolite/contract/interactive/interactive';
import type { Gozo } from '@gozolite/sdk/gozo';
import type { Talk } from '@gozolite/sdk/interact';
import { write } from './write.js';

export interface InteractOptions {
  /** The program gets a terminal, and ours is its window. */
  readonly tty: boolean;
  /** Its output is not shown: the record has it. */
  readonly json: boolean;
  readonly requestId: string | undefined;
  /** TERM, for a terminal of the same kind. */
  readonly term?: string | undefined;
}

/** Where ours is no terminal either. */
const USUAL: TerminalSize = { columns: 80, rows: 24 };
/** More than this no terminal has. */
const LETTERS_MAX = 1000;
/** Two Ctrl-C within so long end a program that does not end by one. */
const AGAIN_MS = 1000;

/** Passes keys, signals and the window's size on, and shows what comes back, until it has ended. */
export async function interact(
  gozo: Gozo,
  request: ExecuteRequest,
  { tty, json, requestId, term }: InteractOptions,
  signal: AbortSignal,
): Promise<Execution> {
  const talk = await gozo.interact(await withTime(gozo, request), {
    signal,
    ...(requestId === undefined ? {} : { requestId }),
    ...(tty ? { terminal: { ...sizeOf(process.stdout), ...termOf(term) } } : {}),
  });
  using _ = tty ? rawKeys(talk) : interruptions(talk);
  // Not waited for: nobody may type another key.
  void type(talk);
  try {
    for await (const event of talk) {
      if (event.type !== 'output' || json) continue;
      const isOut = event.stage === 'run' && event.stream === 'stdout';
      await write(isOut ? process.stdout : process.stderr, Buffer.from(event.bytes));
    }
    return await talk.ended;
  } finally {
    process.stdin.pause();
  }
}

/** Who types takes longer than a program by itself: as long as the server allows, unless told. */
async function withTime(gozo: Gozo, request: ExecuteRequest): Promise<ExecuteRequest> {
  if (request.limits?.wall_time_ms !== undefined) return request;
  const { limits } = await gozo.capabilities();
  const { wall_time_ms } = limits.run.ceilings;
  return { ...request, limits: { ...request.limits, wall_time_ms } };
}

async function type(talk: Talk): Promise<void> {
  for await (const chunk of process.stdin) await talk.write(chunk as Buffer);
  talk.end();
}

/** A terminal that was told no size has 0 by 0. */
function sizeOf({ columns, rows }: NodeJS.WriteStream): TerminalSize {
  const within = (letters: number, usual: number) => Math.min(letters || usual, LETTERS_MAX);
  return { columns: within(columns, USUAL.columns), rows: within(rows, USUAL.rows) };
}

function termOf(term: string | undefined): { term?: string } {
  return term === undefined || term === '' ? {} : { term };
}

/** Every key is the program's, Ctrl-C too; the screen is as before when it has ended. */
function rawKeys(talk: Talk): Disposable {
  const { stdin, stdout } = process;
  const wasRaw = stdin.isTTY && stdin.isRaw;
  const resize = () => talk.resize(sizeOf(stdout));
  if (stdin.isTTY) stdin.setRawMode(true);
  stdout.on('resize', resize);
  return {
    [Symbol.dispose]: () => {
      stdout.off('resize', resize);
      if (stdin.isTTY) stdin.setRawMode(wasRaw);
    },
  };
}

/** Ctrl-C is for the program; a second one at once is for us. */
function interruptions(talk: Talk): Disposable {
  let lastMs = Number.NEGATIVE_INFINITY;
  const interrupt = () => {
    const nowMs = performance.now();
    if (nowMs - lastMs < AGAIN_MS) talk.close();
    else talk.signal('SIGINT');
    lastMs = nowMs;
  };
  process.on('SIGINT', interrupt);
  return { [Symbol.dispose]: () => void process.off('SIGINT', interrupt) };
}
