import type { BackendDiagnosis } from '@gozolite/sandbox/backend';
import { attempt, attemptTwin, type Place } from './attempt.js';
import type { Attack, Ending } from './corpus.js';
import { accountOf, containedEnding, type Evidence, mismatches, twinEnding } from './ending.js';
import { missingBait, type Reason, unmetNeed } from './needs.js';
import type { Compile } from './programs.js';

/** What one attack showed on this host. */
export type Verdict =
  | { readonly kind: 'contained' }
  /** Held by nothing, or nothing could be shown: both are a no. */
  | { readonly kind: 'not-contained'; readonly detail: string }
  | { readonly kind: 'not-applicable'; readonly reason: Reason; readonly detail: string };

export interface Finding {
  readonly attack: Attack;
  readonly verdict: Verdict;
  readonly tookMs: number;
}

export interface ExamineDeps {
  readonly place: Place;
  readonly compileC: Compile;
  /** Languages that are installed where a sandbox sees them. */
  readonly languages: ReadonlySet<Attack['language']>;
}

/**
 * Runs the attack's harmless twin and then the attack, each in a fresh sandbox. A twin that does
 * not work makes `contained` worthless, so it counts as a no.
 */
export async function examine(deps: ExamineDeps, attack: Attack): Promise<Finding> {
  const startedMs = performance.now();
  const verdict = await verdictOf(deps, attack).catch((error: unknown) => ({
    kind: 'not-contained' as const,
    detail: `nothing could be shown: ${error instanceof Error ? error.message : String(error)}`,
  }));
  return { attack, verdict, tookMs: Math.round(performance.now() - startedMs) };
}

async function verdictOf(
  { place, compileC, languages }: ExamineDeps,
  attack: Attack,
): Promise<Verdict> {
  const { language } = attack;
  const unmet = unmetNeed(attack) ?? missingBait(attack, place.env);
  if (unmet !== undefined) return { kind: 'not-applicable', ...unmet };
  if (!languages.has(language)) {
    return { kind: 'not-applicable', reason: 'no-toolchain', detail: `no ${language}` };
  }
  const twin = await attemptTwin(place, attack, compileC);
  const faults = mismatches(twinEnding(attack), twin);
  if (faults.length > 0) return notContained('its harmless twin does not work', faults, twin);
  const seen = await attempt(place, attack, compileC);
  const slips = mismatches(containedEnding(attack), seen);
  if (slips.length > 0) return notContained('it was not held', slips, seen);
  return isSuccess(attack.succeeds, seen)
    ? notContained('it succeeded', [], seen)
    : { kind: 'contained' };
}

function isSuccess(succeeds: Ending, seen: Evidence): boolean {
  return mismatches(succeeds, seen).length === 0;
}

function notContained(what: string, faults: readonly string[], seen: Evidence): Verdict {
  const detail = [what, ...faults, accountOf(seen)].join('; ');
  return { kind: 'not-contained', detail };
}

/** The languages of the corpus that run in a sandbox of this backend. */
export async function findLanguages(
  { place, compileC }: Pick<ExamineDeps, 'place' | 'compileC'>,
  attacks: readonly Attack[],
): Promise<ReadonlySet<Attack['language']>> {
  const found = new Set<Attack['language']>();
  for (const language of new Set(attacks.map((attack) => attack.language))) {
    const sample = { ...GREETING, language, twin: { title: '', code: GREETINGS[language] } };
    const seen = await attemptTwin(place, sample, compileC).catch(() => undefined);
    if (seen?.outcome.kind === 'exited' && seen.outcome.exitCode === 0) found.add(language);
  }
  return found;
}

const GREETINGS: Readonly<Record<Attack['language'], string>> = {
  bash: 'echo REACHED',
  python: 'print("REACHED")',
  javascript: 'console.log("REACHED")',
  c: '#include <stdio.h>\nint main(void) { return puts("REACHED") < 0; }\n',
};
const GREETING: Omit<Attack, 'language' | 'twin'> = {
  id: 'greeting',
  title: 'Says that its language is there',
  family: 'escape',
  protection: '',
  layers: [],
  code: '',
  contained: {},
  succeeds: {},
};

/** Of the level in force, for the head of a report. */
export type Isolation = Pick<BackendDiagnosis, 'kernel' | 'architecture' | 'cgroup' | 'isolation'>;
