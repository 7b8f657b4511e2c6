// `node scripts/run.mjs scripts/threat-table.ts`: writes the table of docs/threat-model.md anew.
import { readFileSync, writeFileSync } from 'node:fs';
import { readCorpus } from '@gozolite/attacks/corpus';
import { THREAT_MODEL, withTable } from './tidy/threat-model.js';

const text = readFileSync(THREAT_MODEL, 'utf8');
writeFileSync(THREAT_MODEL, withTable(text, readCorpus('attacks')));
