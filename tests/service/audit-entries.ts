import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditEntry } from '@gozolite/store/audit/log/entry';
import { serverUnderTest } from '../server-under-test.js';
import { type Home, makeHome } from './keyed-server.js';

export function logText(folder: string): string {
  return readFileSync(join(folder, 'audit', 'log'), 'utf8');
}

export function entriesOf(folder: string): readonly AuditEntry[] {
  return logText(folder)
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

export function kindsOf(entries: readonly AuditEntry[], id: string): readonly string[] {
  return entries.filter(({ execution_id: of }) => of === id).map(({ kind }) => kind);
}

/** Which toolchains there are is known already: to ask each again takes a busy minute. */
export async function knowingHome(): Promise<Home> {
  const home = await makeHome('sqlite');
  const known = join(serverUnderTest().state, 'data', 'detection.json');
  copyFileSync(known, join(home.folder, 'detection.json'));
  return home;
}
