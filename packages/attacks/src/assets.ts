import type { Attack } from './corpus.js';

/** What is at stake, in the threat model's order. */
export const ASSETS = {
  host: "the host's files, devices and rights",
  kernel: 'the kernel and its settings',
  secrets: 'what the host knows',
  network: 'networks and services within reach',
  neighbours: "other tenants' programs",
  successors: 'programs that come later',
  verdict: 'the judgement of the run itself',
  capacity: 'CPU, memory, disk and tables of the machine',
} as const;
export type Asset = keyof typeof ASSETS;

const BY_FAMILY: Readonly<Record<Attack['family'], Asset>> = {
  escape: 'host',
  'kernel-surface': 'kernel',
  'information-leak': 'secrets',
  network: 'network',
  signals: 'verdict',
  residue: 'successors',
  cpu: 'capacity',
  memory: 'capacity',
  processes: 'capacity',
  files: 'capacity',
  descriptors: 'capacity',
  output: 'capacity',
};

/** What an attack is after: with a victim beside it, that victim; else what its family is after. */
export function assetOf({ family, beside }: Attack): Asset {
  return beside === undefined ? BY_FAMILY[family] : 'neighbours';
}

/** One line of the threat model's table. */
export interface ThreatRow {
  readonly asset: Asset;
  /** For the order within the asset. */
  readonly id: string;
  readonly title: string;
  readonly layers: readonly string[];
  /** Markdown. */
  readonly shownBy: string;
}

/**
 * The threat model's table: asset, attack, protection, and the test that shows it.
 * @param others attacks that only a suite can run
 */
export function threatTable(
  corpus: readonly Attack[],
  others: readonly ThreatRow[],
): readonly string[] {
  const names = Object.keys(ASSETS);
  const rows = [...corpus.map(rowOf), ...others].sort(
    (a, b) => names.indexOf(a.asset) - names.indexOf(b.asset) || (a.id < b.id ? -1 : 1),
  );
  return [
    '| asset | attack | protection, and each that holds alone beside it | shown by |',
    '|---|---|---|---|',
    ...rows.map(({ asset, title, layers, shownBy }) => {
      const cells = [asset, title.replaceAll('|', '\\|'), layers.join(', '), shownBy];
      return `| ${cells.join(' | ')} |`;
    }),
  ];
}

function rowOf(attack: Attack): ThreatRow {
  const { id, title, layers, language } = attack;
  const shownBy = `[${id}](../attacks/${id}.yaml), ${language}`;
  return { asset: assetOf(attack), id, title, layers, shownBy };
}
