import type { Outcome } from '@gozolite/contract/outcome';
import type { Attack, Ending } from './corpus.js';

/** All that could be seen of one run. */
export interface Evidence {
  readonly outcome: Outcome;
  readonly stdout: string;
  readonly stderr: string;
  readonly beside: string;
  readonly artifacts: string;
  readonly left: 'nothing' | 'process' | 'cgroup';
}

/** How the harmless sibling has to end. */
export function twinEnding({ twin: { artifacts } }: Attack): Ending {
  const fine = { outcome: 'exited', exit_code: 0, stdout: '^REACHED', left: 'nothing' } as const;
  return artifacts === undefined ? fine : { ...fine, artifacts };
}

/** How the attack has to end where the sandbox holds it: nothing is left, whatever else. */
export function containedEnding({ contained }: Attack): Ending {
  return { left: 'nothing', ...contained };
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

/** For people: what happened, in one line. */
export function accountOf({ outcome, stdout, stderr }: Evidence): string {
  const { kind, ...rest } = outcome;
  return `${kind} ${JSON.stringify(rest)} ${stdout} ${stderr}`.slice(0, 1000);
}
