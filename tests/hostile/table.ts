import type { Attack } from '@gozolite/attacks/corpus';

export interface Row {
  readonly attack: Attack;
  readonly twin: string;
  readonly held: string;
  readonly without: string;
  readonly note: string;
}

const HEAD = ['attack', 'protection (and second layers)', 'twin', 'held with', 'without'];

/** The suite's result for people: attack · protection · twin · held with · succeeds without. */
export function tableOf(rows: readonly Row[]): string {
  const lines = [
    HEAD,
    ...rows.map(({ attack, twin, held, without, note }) => {
      const [protection, ...second] = attack.layers;
      const layers = second.length === 0 ? protection : `${protection} (${second.join(', ')})`;
      return [attack.id, layers ?? '', twin, held, note === '' ? without : note];
    }),
  ];
  const widths = HEAD.map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  const shown = lines.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const proven = rows.filter(({ without }) => without === 'SUCCEEDS').length;
  return [...shown, '', `${proven} of ${rows.length} attacks: contained, and shown why`].join('\n');
}
