import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';

/** What the guest says of one case, as one line of its serial console. */
export const Row = Type.Object({
  id: Type.String(),
  expected: Type.String(),
  outcome: Type.String(),
  /** What was not as expected; empty where the case holds. */
  problems: Type.Array(Type.String()),
  /** Why this kernel can't tell. */
  untestable: Type.Optional(Type.String()),
  took_ms: Type.Integer(),
});
export type Row = Static<typeof Row>;

const MARK = '@row ';
const DONE = '@done';
const CELL_CHARS_MAX = 64;

/** A line of its own, whatever the kernel wrote before it. */
export function lineOf(row: Row): string {
  return `\n${MARK}${JSON.stringify(row)}\n`;
}

export const LAST_LINE = `\n${DONE}\n`;

/** undefined for a line that is no row: the kernel and the programs write to the console too. */
export function parseLine(line: string): Row | 'done' | undefined {
  const text = line.trim();
  if (text === DONE) return 'done';
  if (!text.startsWith(MARK)) return undefined;
  const value: unknown = JSON.parse(text.slice(MARK.length));
  return Value.Check(Row, value) ? value : undefined;
}

/** For people: id · outcome · expected. */
export function tableOf(rows: readonly Row[]): string {
  const lines = [
    ['case', 'outcome', 'expected', 'ms'],
    ...rows.map(({ id, outcome, expected, took_ms, untestable }) => [
      id,
      untestable === undefined ? outcome : `not testable here: ${untestable}`,
      expected,
      String(took_ms),
    ]),
  ];
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...lines.map((line) => cut(line[column] ?? '').length)),
  );
  const padded = (line: readonly string[]) =>
    line.map((cell, column) => cut(cell).padEnd(widths[column] ?? 0)).join('  ');
  return lines.map((line) => padded(line).trimEnd()).join('\n');
}

function cut(cell: string): string {
  return cell.length <= CELL_CHARS_MAX ? cell : `${cell.slice(0, CELL_CHARS_MAX - 1)}…`;
}
