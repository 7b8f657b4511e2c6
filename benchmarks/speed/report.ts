import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { machine } from '../figures.js';
import { type Chart, svgOf } from './chart.js';

export interface Report {
  readonly name: string;
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  /** What the table is made of. */
  readonly samples: unknown;
  readonly chart: Chart;
}

/** Prints a table, and leaves it with its samples and its plot. */
export function leave({ name, title, columns, rows, samples, chart }: Report): void {
  const folder = process.env.FIGURES ?? join('build', 'figures');
  mkdirSync(folder, { recursive: true });
  const lines = [
    `## ${title} (${machine()})`,
    '',
    `| ${columns.join(' | ')} |`,
    `|${columns.map((_, at) => (at === 0 ? '---' : '---:')).join('|')}|`,
    ...rows.map((row) => `| ${row.map(cell).join(' | ')} |`),
  ];
  const text = `${lines.join('\n')}\n`;
  writeFileSync(join(folder, `${name}.md`), text);
  const json = { title, machine: machine(), columns, rows, samples };
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(json, null, 1)}\n`);
  writeFileSync(join(folder, `${name}.svg`), svgOf(chart));
  process.stdout.write(`${text}\n${join(folder, name)}.{md,json,svg}\n`);
}

function cell(value: string | number): string {
  if (typeof value === 'string') return value;
  return Number.isFinite(value) ? value.toFixed(value < 10 ? 2 : 1) : '–';
}
