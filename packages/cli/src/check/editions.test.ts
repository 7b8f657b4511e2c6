import assert from 'node:assert/strict';
import type { LanguageInfo } from '@gozolite/contract/capabilities';
import { packName } from '@gozolite/contract/pack';
import { demoLanguage } from '@gozolite/languages/demo-language';
import type { InstalledPack } from '@gozolite/packs/installed';
import { test } from 'vitest';
import { editionsOf } from './editions.js';

const file = demoLanguage();

function pack(version: string, variant: string | null): InstalledPack {
  const id = { language: file.id, version, variant };
  const digest = variant ?? version;
  return { ...id, name: packName(id), digest, bytes: 1, files: 1, built_at: '', packages: [] };
}

const host = { source: 'host', version: '3.9.1' };
const packed = { source: 'demo@3.11', version: '3.11.2', digest: '3.11' };
const info: LanguageInfo = {
  ...{ id: file.id, name: file.name, version: '3.9.1', aliases: [], extensions: [] },
  ...{ available: true, source: '', template: '' },
  versions: [
    { version: '3.9.1', variants: [], available: true, toolchain: host },
    { version: '3.11.2', variants: ['data'], available: true, toolchain: packed },
  ],
};

test('without a pack the language is checked by its name alone', () => {
  const [edition, ...more] = editionsOf(file, info, []);
  assert.equal(edition?.reference, 'demo');
  assert.deepEqual(edition?.toolchain, host);
  assert.deepEqual(more, []);
});

test('each pack is a row of its own, with its own digest; a variant has its version', () => {
  const rows = editionsOf(file, info, [pack('3.11', 'data'), pack('3.11', null)]);
  assert.deepEqual(
    rows.map(({ reference, version, available, toolchain }) => [
      reference,
      version,
      available,
      toolchain?.digest,
    ]),
    [
      ['demo@3.11+data', '3.11.2', true, 'data'],
      ['demo@3.11', '3.11.2', true, '3.11'],
    ],
  );
});

test("a pack that the engine does not see is not available, whatever the host's name tells", () => {
  const [row] = editionsOf(file, info, [pack('3.9', null)]);
  assert.equal(row?.available, false);
  assert.equal(row?.reason, 'TOOLCHAIN_MISSING');
});
