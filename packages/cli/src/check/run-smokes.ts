import type { LanguageInfo } from '@gozolite/contract/capabilities';
import type { Execution } from '@gozolite/contract/execution';
import type { LanguageFile } from '@gozolite/languages/schema';
import { differencesOf } from '@gozolite/languages/smokes/differences';
import { type Smoke, smokesOf } from '@gozolite/languages/smokes/smokes';
import { GozoProblem } from '@gozolite/sdk/errors';
import type { Gozo } from '@gozolite/sdk/gozo';
import type { Target } from './targets.js';

/** What came of one smoke program. */
export interface SmokeFinding {
  readonly name: string;
  /** In words; none where it passed. */
  readonly differences: readonly string[];
  /** Of the record; null where the request was refused. */
  readonly status: Execution['status'] | null;
  /** As the record tells it: queue and sandboxes included. */
  readonly totalMs: number | null;
}

/** What came of one language file. */
export interface LanguageFinding {
  readonly target: Target;
  /** Absent where the file is wrong. */
  readonly info: LanguageInfo | undefined;
  /** What was looked for in vain, and what to install, where the toolchain is missing. */
  readonly missing: string | undefined;
  readonly smokes: readonly SmokeFinding[];
}

export interface RunOptions {
  readonly gozo: Gozo;
  /** Names of the programs that are run; all where none is named. */
  readonly only: readonly string[];
  /** Programs that run at once. */
  readonly jobs: number;
  readonly signal: AbortSignal;
  readonly onDone: (language: string, finding: SmokeFinding) => void;
}

/** Runs every smoke program of every good file whose toolchain is there. */
export async function runSmokes(
  targets: readonly Target[],
  options: RunOptions,
): Promise<readonly LanguageFinding[]> {
  const { languages } = await options.gozo.capabilities({ signal: options.signal });
  const findings = await Promise.all(
    targets.map(async (target) => {
      const info = languages.find(({ id }) => id === target.file?.id);
      const missing = info?.available === false ? await reasonOf(info, options) : undefined;
      return { target, info, missing, smokes: [] as SmokeFinding[] };
    }),
  );
  const waiting = findings
    .flatMap(({ target: { file }, info, smokes }) =>
      file === undefined || info?.available !== true
        ? []
        : chosen(file, options.only).map((smoke, at) => ({ language: file.id, smoke, smokes, at })),
    )
    .values();
  const work = async () => {
    for (const { language, smoke, smokes, at } of waiting) {
      const finding = await runSmoke(language, smoke, options);
      smokes[at] = finding;
      options.onDone(language, finding);
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, work));
  return findings;
}

/** The record of a language without a toolchain says why it has none. */
async function reasonOf({ id }: LanguageInfo, { gozo, signal }: RunOptions): Promise<string> {
  const { message } = await gozo.execute({ language: id, code: '' }, { signal });
  return message ?? 'its toolchain is missing';
}

function chosen(file: LanguageFile, only: readonly string[]): readonly Smoke[] {
  return smokesOf(file).filter(({ name }) => only.length === 0 || only.includes(name));
}

async function runSmoke(
  language: string,
  { name, request, expect }: Smoke,
  { gozo, signal }: RunOptions,
): Promise<SmokeFinding> {
  try {
    const execution = await gozo.execute({ language, ...request }, { signal });
    const { status, timings } = execution;
    const differences = differencesOf(expect, execution);
    return { name, differences, status, totalMs: Math.round(timings.total_ms) };
  } catch (error) {
    if (!(error instanceof GozoProblem)) throw error;
    const differences = [`refused: ${error.code}: ${error.message}`];
    return { name, differences, status: null, totalMs: null };
  }
}

/** A file that is wrong, a toolchain that is missing and a program that differs all count. */
export function hasPassed({ target, info, smokes }: LanguageFinding): boolean {
  const isGood = target.file !== undefined && info?.available === true;
  return isGood && smokes.every(({ differences }) => differences.length === 0);
}
