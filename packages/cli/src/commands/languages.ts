import { setTimeout as sleep } from 'node:timers/promises';
import type { LanguageInfo } from '@gozolite/contract/capabilities';
import type { Gozo } from '@gozolite/sdk/gozo';
import colors from 'picocolors';
import { connect, type Where } from '../connect.js';
import { align } from './align.js';

/** A first program that hangs is ended by its limits long before. */
const TRIED_MS_MAX = 60_000;
const POLL_MS = 100;

/** `gozo languages`. @returns the exit code. */
export async function listLanguages(where: Where, { json }: { json: boolean }): Promise<number> {
  const connection = await connect(where, { kind: 'all' });
  try {
    const languages = await triedLanguages(connection.gozo);
    const text = json ? JSON.stringify(languages, null, 2) : languageTable(languages).join('\n');
    process.stdout.write(`${text}\n`);
    return 0;
  } finally {
    await connection[Symbol.asyncDispose]();
  }
}

/** After a start the server tries the first program of each language: that is waited for. */
async function triedLanguages(gozo: Gozo): Promise<readonly LanguageInfo[]> {
  const deadline = performance.now() + TRIED_MS_MAX;
  for (;;) {
    const { languages } = await gozo.capabilities();
    const isPending = languages.some(({ reason }) => reason === 'SMOKE_PENDING');
    if (!isPending || performance.now() > deadline) return languages;
    await sleep(POLL_MS);
  }
}

/**
 * One line a language, columns aligned; what is missing comes last, with how to install it.
 * Languages that are here and not proven to work stand between.
 */
export function languageTable(languages: readonly LanguageInfo[]): readonly string[] {
  const rows = languages
    .filter(({ available }) => available)
    .map(({ id, name, version, extensions, aliases }) => [
      id,
      `${name} ${version ?? ''}`,
      extensions.join(' '),
      aliases.join(' '),
    ]);
  const because = (code: string) => languages.filter(({ reason }) => reason === code);
  const section = (title: string, rest: readonly (readonly string[])[]) =>
    rest.length === 0 ? [] : ['', colors.yellow(title), ...align(rest)];
  const shortly = ({ id, name, version }: LanguageInfo) => [id, `${name} ${version ?? ''}`];
  const missing = because('TOOLCHAIN_MISSING');
  return [
    ...align([['ID', 'LANGUAGE', 'FILES', 'ALSO'], ...rows]),
    ...section('Being tried:', because('SMOKE_PENDING').map(shortly)),
    ...section('Here, but their first program fails:', because('SMOKE_FAILED').map(shortly)),
    ...section(
      'Not installed:',
      missing.map(({ id, name, install }) => [id, name, install ?? '']),
    ),
  ];
}
