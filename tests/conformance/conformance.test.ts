import { fileURLToPath } from 'node:url';
import type { Capabilities, LanguageInfo } from '@gozolite/contract/capabilities';
import type { Execution } from '@gozolite/contract/execution';
import { loadLanguages } from '@gozolite/languages/load';
import { describeProblem } from '@gozolite/languages/parse';
import type { LanguageFile } from '@gozolite/languages/schema';
import { differencesOf } from '@gozolite/languages/smokes/differences';
import { type Smoke, smokesOf } from '@gozolite/languages/smokes/smokes';
import { describe, expect, test } from 'vitest';
import { eventually, serverUnderTest } from '../server-under-test.js';

const { url } = serverUnderTest();
const folder = fileURLToPath(new URL('../../languages', import.meta.url));
const { languages, problems } = await loadLanguages([folder]);
const known = await getLanguages();

test('every language file is good', () => {
  expect(problems.map(describeProblem)).toEqual([]);
});

/** Of a suite that is to be short: the languages that it looks at; empty for all. */
const only = (process.env.GOZO_TEST_LANGUAGES ?? '').split(',').filter((id) => id !== '');

test('every language that is to be looked at is there', () => {
  const ids = new Set(languages.map(({ file: { id } }) => id));
  expect(only.filter((id) => !ids.has(id))).toEqual([]);
});

for (const { file } of languages) {
  if (only.length > 0 && !only.includes(file.id)) continue;
  describe(file.id, () => {
    test('its toolchain is here, and advertised', () => {
      const info = known.find(({ id }) => id === file.id);
      const remedy = info?.available ? '' : `${info?.reason}: ${info?.install}`;
      expect(remedy).toBe('');
    });
    for (const smoke of smokesOf(file)) {
      test(`${smoke.name} ends as ${smoke.expect.status}`, async () => {
        const execution = await execute(file, smoke);
        const differences = differencesOf(smoke.expect, execution);
        expect(differences, JSON.stringify(execution, null, 2)).toEqual([]);
      });
    }
  });
}

/** After a start their first programs are tried, one after the other. */
function getLanguages(): Promise<readonly LanguageInfo[]> {
  return eventually('every first program to end', 300_000, async () => {
    const response = await fetch(new URL('/capabilities', url));
    const { languages }: Pick<Capabilities, 'languages'> = JSON.parse(await response.text());
    return languages.some(({ reason }) => reason === 'SMOKE_PENDING') ? undefined : languages;
  });
}

async function execute({ id }: LanguageFile, { request }: Smoke): Promise<Execution> {
  const response = await fetch(new URL('/execute', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ language: id, ...request }),
  });
  const body: Execution = JSON.parse(await response.text());
  // A refusal is no execution: shown as it came.
  if (response.status !== 200) throw new Error(`${response.status} ${JSON.stringify(body)}`);
  return body;
}
