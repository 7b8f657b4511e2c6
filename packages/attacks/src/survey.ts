import type { Place } from './attempt.js';
import type { Attack } from './corpus.js';
import { examine, type Finding, findLanguages } from './examine.js';
import { createCompiler } from './programs.js';
import type { Report } from './report/summary.js';

export interface SurveyDeps {
  readonly place: Place;
  /** Of the corpus. */
  readonly folder: string;
  /** Called before each attack and after the last, with what is known by then. */
  readonly onProgress?: (done: readonly Finding[], next: Attack | undefined) => void;
  readonly signal?: AbortSignal;
}

/**
 * Runs the attacks one after the other, so that none disturbs the next.
 * @throws BackendUnavailable where there is no launcher; what `signal` was aborted with
 */
export async function survey(deps: SurveyDeps, attacks: readonly Attack[]): Promise<Report> {
  const { place, folder, onProgress = () => {}, signal } = deps;
  const startedAt = new Date().toISOString();
  const startedMs = performance.now();
  const isolation = await place.backend.diagnose();
  const compileC = createCompiler(place.backend, folder);
  const languages = await findLanguages({ place, compileC }, attacks);
  const findings: Finding[] = [];
  for (const attack of attacks) {
    signal?.throwIfAborted();
    onProgress(findings, attack);
    findings.push(await examine({ place, compileC, languages }, attack));
  }
  onProgress(findings, undefined);
  return { startedAt, tookMs: Math.round(performance.now() - startedMs), isolation, findings };
}
