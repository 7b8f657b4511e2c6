import { type Attack, FAMILIES } from '../corpus.js';
import type { Finding, Isolation } from '../examine.js';
import { REASONS, type Reason } from '../needs.js';

/** All that a report tells, whatever its form. */
export interface Report {
  /** RFC 3339, UTC. */
  readonly startedAt: string;
  readonly tookMs: number;
  readonly isolation: Isolation;
  readonly findings: readonly Finding[];
}

export interface Counts {
  readonly contained: number;
  readonly notContained: number;
  readonly notApplicable: number;
  readonly reasons: Readonly<Partial<Record<Reason, number>>>;
}

export function countsOf(findings: readonly Finding[]): Counts {
  const of = (kind: Finding['verdict']['kind']) =>
    findings.filter(({ verdict }) => verdict.kind === kind).length;
  const reasons: Partial<Record<Reason, number>> = {};
  for (const { verdict } of findings) {
    if (verdict.kind === 'not-applicable') {
      reasons[verdict.reason] = (reasons[verdict.reason] ?? 0) + 1;
    }
  }
  return {
    contained: of('contained'),
    notContained: of('not-contained'),
    notApplicable: of('not-applicable'),
    reasons,
  };
}

/** The last line of every form. */
export function lastLine(findings: readonly Finding[]): string {
  const { contained, notContained, notApplicable, reasons } = countsOf(findings);
  const why = Object.entries(reasons).map(([reason, count]) => `${count} ${reason}`);
  const because = why.length === 0 ? '' : ` (${why.join(', ')})`;
  return [
    `${contained} contained`,
    `${notContained} not contained`,
    `${notApplicable} not applicable${because}`,
  ].join(', ');
}

/** All of them held, and something was tried at all. */
export function areContained(findings: readonly Finding[]): boolean {
  const { contained, notContained } = countsOf(findings);
  return notContained === 0 && contained > 0;
}

/** Findings by family, in the order of the list; families without one are left out. */
export function byFamily(
  findings: readonly Finding[],
): readonly (readonly [Attack['family'], readonly Finding[]])[] {
  return FAMILIES.map(
    (family) => [family, findings.filter(({ attack }) => attack.family === family)] as const,
  ).filter(([, own]) => own.length > 0);
}

/** What to say beside a verdict that is not `contained`. */
export function remarkOf({ verdict }: Finding): string {
  switch (verdict.kind) {
    case 'contained':
      return '';
    case 'not-contained':
      return verdict.detail;
    case 'not-applicable':
      return `${verdict.reason}: ${REASONS[verdict.reason]} (${verdict.detail})`;
  }
}
