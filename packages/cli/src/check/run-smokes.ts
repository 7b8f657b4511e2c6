import { differencesOf } from '@gozolite/languages/smokes/differences';
import { type Smoke, smokesOf } from '@gozolite/languages/smokes/smokes';
import { GozoProblem } from '@gozolite/sdk/errors';
import type { Gozo } from '@gozolite/sdk/gozo';
import type { Earlier } from './earlier.js';
import { type Edition, editionsOf } from './editions.js';
import type { CheckPacks } from './packs-of-check.js';
import type { SmokeFinding } from './smoke-finding.js';
import type { Target } from './targets.js';

/** What came of one language file, or of one pack of it. */
export interface LanguageFinding {
  readonly target: Target;
  /** Absent where the file is wrong. */
  readonly edition: Edition | undefined;
  /** Why there is no toolchain, or what was looked for in vain, and what to install. */
  readonly missing: string | undefined;
  readonly smokes: readonly SmokeFinding[];
}

export interface RunOptions {
  readonly gozo: Gozo;
  readonly packs: Pick<CheckPacks, 'of' | 'failureOf'>;
  /** Names of the programs that are run; all where none is named. */
  readonly only: readonly string[];
  readonly earlier: Earlier;
  /** Programs that run at once. */
  readonly jobs: number;
  readonly signal: AbortSignal;
  readonly onDone: (language: string, finding: SmokeFinding) => void;
  /** What is known so far: rows of which every program has run. */
  readonly onRows: (rows: readonly LanguageFinding[]) => void;
}

/** Runs every smoke program of every good file whose toolchain is there. */
export async function runSmokes(
  targets: readonly Target[],
  options: RunOptions,
): Promise<readonly LanguageFinding[]> {
  const { languages } = await options.gozo.capabilities({ signal: options.signal });
  const rows = targets.flatMap((target): { target: Target; edition: Edition | undefined }[] => {
    const { file } = target;
    const info = languages.find(({ id }) => id === file?.id);
    if (file === undefined || info === undefined) return [{ target, edition: undefined }];
    const editions = editionsOf(file, info, options.packs.of(file.id));
    return editions.map((edition) => ({ target, edition }));
  });
  const findings = await Promise.all(
    rows.map(async (row) => {
      const missing = await missingOf(row.edition, options);
      const edition = missing === undefined ? row.edition : withoutToolchain(row.edition);
      return { ...row, edition, missing, smokes: [] as SmokeFinding[] };
    }),
  );
  const waiting = findings.flatMap((finding) => toRun(finding, options)).values();
  const work = async () => {
    for (const { edition, smoke, smokes, at } of waiting) {
      const finding = await runSmoke(edition.reference, smoke, options);
      smokes[at] = finding;
      options.onDone(edition.reference, finding);
      options.onRows(findings.filter((row) => isWhole(row, options)));
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, work));
  return findings;
}

function isWhole({ edition, missing, smokes }: LanguageFinding, { only }: RunOptions): boolean {
  if (edition === undefined || missing !== undefined) return true;
  // Holes are programs that have not run: filter leaves them out.
  return smokes.filter(() => true).length === chosen(edition, only).length;
}

/** What the host has in the place of a pack that can't be built was not asked for. */
function withoutToolchain(edition: Edition | undefined): Edition | undefined {
  return edition && { ...edition, version: null, toolchain: null };
}

interface Waiting {
  readonly edition: Edition;
  readonly smoke: Smoke;
  /** Where its finding goes, and at which place. */
  readonly smokes: SmokeFinding[];
  readonly at: number;
}

/** The programs of a row that are still to be run; what is known of it is taken over. */
function toRun(
  { target, edition, missing, smokes }: LanguageFinding & { readonly smokes: SmokeFinding[] },
  { only, earlier }: RunOptions,
): readonly Waiting[] {
  if (edition === undefined || missing !== undefined) return [];
  const wanted = chosen(edition, only);
  const known = earlier(target.sha256, edition) ?? [];
  const taken = wanted.flatMap(({ name }) => known.find((each) => each.name === name) ?? []);
  if (taken.length < wanted.length) {
    return wanted.map((smoke, at) => ({ edition, smoke, smokes, at }));
  }
  smokes.push(...taken);
  return [];
}

/** The record of a language without a toolchain says why it has none. */
async function missingOf(
  edition: Edition | undefined,
  { gozo, packs, signal }: RunOptions,
): Promise<string | undefined> {
  if (edition === undefined) return undefined;
  const failure = packs.failureOf(edition.file.id);
  if (failure !== undefined) return `Its pack can't be built: ${failure}`;
  if (edition.available) return undefined;
  const { message } = await gozo.execute({ language: edition.reference, code: '' }, { signal });
  // Also where the host has the same version, which a bare name would have got.
  const unseen = "the engine's own user can't read the folder of packs";
  return message ?? (edition.pack === undefined ? 'its toolchain is missing' : unseen);
}

function chosen({ file, pack }: Edition, only: readonly string[]): readonly Smoke[] {
  return smokesOf(file, pack?.variant ?? null).filter(
    ({ name }) => only.length === 0 || only.includes(name),
  );
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
export function hasPassed({ edition, missing, smokes }: LanguageFinding): boolean {
  const isGood = edition !== undefined && missing === undefined;
  return isGood && smokes.every(({ differences }) => differences.length === 0);
}
