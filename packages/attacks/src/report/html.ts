import type { Finding } from '../examine.js';
import { areContained, byFamily, lastLine, type Report, remarkOf } from './summary.js';

const WORDS = {
  contained: 'contained',
  'not-contained': 'not contained',
  'not-applicable': 'not applicable',
} as const;

const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

const STYLE = `
:root { color-scheme: light dark; --no: #b3261e; --yes: #1b6e3c; --line: #8884; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
caption { text-align: left; font-weight: 600; padding: 0.5rem 0; }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 0.6rem 0.3rem 0;
  border-bottom: 1px solid var(--line); }
td { overflow-wrap: anywhere; }
code { font: 13px ui-monospace, monospace; }
.contained { color: var(--yes); }
.not-contained { color: var(--no); font-weight: 700; }
@media (prefers-color-scheme: dark) { :root { --no: #ff8a80; --yes: #7bd89b; } }
`;

/**
 * The report as one file that needs nothing else: no script, no font, no image, nothing fetched,
 * which its own policy enforces. What programs printed is text in it, whatever they printed.
 */
export function htmlOf(report: Report): string {
  const { startedAt, isolation, findings } = report;
  const verdict = areContained(findings) ? 'Every attack was contained' : 'Not every attack held';
  const where = `${isolation.kernel} ${isolation.architecture}, cgroup ${isolation.cgroup}`;
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${POLICY}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<title>GozoLite: attacks on this host</title>',
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    `<h1>${verdict}</h1>`,
    `<p>${escapeHtml(startedAt)}, kernel ${escapeHtml(where)}, isolation level ` +
      `${escapeHtml(isolation.isolation.level)}.</p>`,
    ...byFamily(findings).map(([family, own]) => familyTable(family, own)),
    `<p><strong>${escapeHtml(lastLine(findings))}</strong></p>`,
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

function familyTable(family: string, findings: readonly Finding[]): string {
  const rows = findings.map((finding) => {
    const { attack, verdict } = finding;
    const remark = remarkOf(finding);
    const cells = [
      `<td><code>${escapeHtml(attack.id)}</code></td>`,
      `<td>${escapeHtml(attack.title)}</td>`,
      `<td>${escapeHtml(attack.language)}</td>`,
      `<td>${escapeHtml(attack.layers.join(', '))}</td>`,
      `<td><span class="${verdict.kind}">${WORDS[verdict.kind]}</span>`,
      `${remark === '' ? '' : `<br><small>${escapeHtml(remark)}</small>`}</td>`,
    ];
    return `<tr>${cells.join('')}</tr>`;
  });
  const names = ['attack', 'what it does', 'language', 'protections', 'verdict'];
  const head = names.map((name) => `<th scope="col">${name}</th>`).join('');
  return [
    `<table><caption>${escapeHtml(family)}</caption>`,
    `<thead><tr>${head}</tr></thead>`,
    `<tbody>${rows.join('\n')}</tbody></table>`,
  ].join('\n');
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
