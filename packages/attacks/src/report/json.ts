import { countsOf, type Report } from './summary.js';

/** The report as a document for programs; names are snake_case, as on the wire. */
export function jsonOf({ startedAt, tookMs, isolation, findings }: Report): string {
  const { contained, notContained, notApplicable, reasons } = countsOf(findings);
  const document = {
    started_at: startedAt,
    took_ms: tookMs,
    kernel: isolation.kernel,
    architecture: isolation.architecture,
    cgroup: isolation.cgroup,
    isolation: isolation.isolation,
    counts: { contained, not_contained: notContained, not_applicable: notApplicable, reasons },
    attacks: findings.map(({ attack, verdict, tookMs: ms }) => ({
      id: attack.id,
      title: attack.title,
      family: attack.family,
      language: attack.language,
      protections: attack.layers,
      verdict: verdict.kind.replace('-', '_'),
      ...(verdict.kind === 'not-applicable' ? { reason: verdict.reason } : {}),
      ...(verdict.kind === 'contained' ? {} : { detail: verdict.detail }),
      took_ms: ms,
    })),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
