import { byFamily, countsOf, lastLine, type Report, remarkOf } from './summary.js';

const HEAD = ['family', 'contained', 'not contained', 'not applicable'];

/** The report as lines for a terminal: a row a family, then all that was not contained. */
export function tableOf({ isolation, findings, tookMs }: Report): readonly string[] {
  const { kernel, architecture, cgroup } = isolation;
  const rows = byFamily(findings).map(([family, own]) => {
    const { contained, notContained, notApplicable } = countsOf(own);
    return [family, String(contained), String(notContained), String(notApplicable)];
  });
  const widths = HEAD.map((_, column) =>
    Math.max(...[HEAD, ...rows].map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    row.map((cell, at) => (at === 0 ? cell.padEnd : cell.padStart).call(cell, widths[at] ?? 0));
  const others = findings.filter(({ verdict }) => verdict.kind !== 'contained');
  return [
    `kernel ${kernel} ${architecture}, cgroup ${cgroup}, isolation ${isolation.isolation.level}`,
    '',
    ...[HEAD, ...rows].map((row) => line(row).join('  ')),
    '',
    ...others.map((finding) => {
      const { attack, verdict } = finding;
      const word = verdict.kind === 'not-contained' ? 'NOT CONTAINED' : 'not applicable';
      return `${word}  ${attack.id}: ${attack.title}. ${oneLine(remarkOf(finding))}`;
    }),
    ...(others.length === 0 ? [] : ['']),
    `${findings.length} attacks in ${Math.round(tookMs / 1000)} s`,
    lastLine(findings),
  ];
}

/** Output of a hostile program may hold anything: no control character reaches the terminal. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]+/gu, ' ').slice(0, 600);
}
