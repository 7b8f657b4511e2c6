import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { threatTable } from '@gozolite/attacks/assets';
import { type Attack, readCorpus } from '@gozolite/attacks/corpus';
import { DATA_ROWS } from '../../tests/faults/data/rows.js';
import { THREAT_ROWS } from '../../tests/network/attack-rows.js';
import type { Finding } from './sources.js';

export const THREAT_MODEL = 'docs/threat-model.md';
const BEGIN = '<!-- written by scripts/threat-table.ts -->';
const END = '<!-- end -->';
const COMMAND = 'node scripts/run.mjs scripts/threat-table.ts';

/** The threat model's table is what the attacks say, the shipped and the network suite's. */
export function checkThreatModel(root: string): readonly Finding[] {
  const text = readFileSync(join(root, THREAT_MODEL), 'utf8');
  if (withTable(text, readCorpus(join(root, 'attacks'))) === text) return [];
  const message = `its table is not what the attacks say: ${COMMAND}`;
  return [{ check: 'pages', path: THREAT_MODEL, line: 0, message }];
}

/** @throws where the page lacks the two marks */
export function withTable(text: string, corpus: readonly Attack[]): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${THREAT_MODEL} lacks ${BEGIN} and ${END}`);
  const table = threatTable(corpus, [...THREAT_ROWS, ...DATA_ROWS]).join('\n');
  return `${text.slice(0, begin)}${BEGIN}\n${table}\n${text.slice(end)}`;
}
