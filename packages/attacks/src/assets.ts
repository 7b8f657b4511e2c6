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

/** The threat model's table: asset, attack, protection, and the test that shows it. */
export function threatTable(corpus: readonly Attack[]): readonly string[] {
  const names = Object.keys(ASSETS);
  const rank = (attack: Attack) => names.indexOf(assetOf(attack));
  const sorted = [...corpus].sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1));
  return [
    '| asset | attack | protection, and each that holds alone beside it | shown by |',
    '|---|---|---|---|',
    ...sorted.map((attack) => {
      const { id, title, layers, language } = attack;
      const cells = [assetOf(attack), title.replaceAll('|', '\\|'), layers.join(', ')];
      return `| ${cells.join(' | ')} | [${id}](../attacks/${id}.yaml), ${language} |`;
    }),
  ];
}
