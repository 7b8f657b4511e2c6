import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InstalledPack } from '@gozolite/contract/pack';
import { afterEach, test } from 'vitest';
import { stringify } from 'yaml';
import { demoLanguage } from '../demo-language.js';
import { openRegistry, type RegistryOptions } from '../registry.js';
import type { Packs, Proof } from './offer.js';
import type { Probe } from './probe.js';

/** A demo language whose host has 3.11.2 and whose file names 3.11, with a variant, and 3.13. */

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

const { packages: _, ...rest } = demoLanguage();
const LANGUAGE = {
  ...rest,
  packs: [
    { version: '3.11', debian: ['demo'], variants: { data: { pypi: ['numpy'] } } },
    { version: '3.13', debian: ['demo-new'] },
  ],
};

function pack(name: string): InstalledPack {
  const [, version = '', variant = null] = /^demo@([\d.]+)(?:\+(\w+))?$/.exec(name) ?? [];
  const digest = Buffer.from(name).toString('hex').padEnd(64, '0');
  return { name, language: 'demo', version, variant, digest };
}

const VERSIONS: Readonly<Record<string, string>> = {
  host: '3.11.2',
  '3.11': '3.11.9',
  '3.13': '3.13.1',
  '4': '4.2',
};

function packsOf(names: readonly string[]): Packs & { set(names: readonly string[]): void } {
  let all = names.map(pack);
  return {
    installed: () => all,
    exists: (_digest, path) => path === '/usr/bin/demo',
    set: (next) => {
      all = next.map(pack);
    },
  };
}

const ALL = ['demo@3.11', 'demo@3.11+data', 'demo@3.13'];

async function open(change: Partial<RegistryOptions> & { readonly names?: readonly string[] }) {
  const { names = ALL, ...options } = change;
  const folder = await mkdtemp(join(tmpdir(), 'offers-'));
  folders.push(folder);
  await writeFile(join(folder, 'demo.yaml'), stringify(LANGUAGE));
  const packs = packsOf(names);
  const probe: Probe = async (_argv, _env, rootfs) => {
    const version = packs.installed().find(({ digest }) => digest === rootfs)?.version ?? 'host';
    return { exitCode: 0, stdout: `demo ${VERSIONS[version]}`, stderr: '' };
  };
  const registry = await openRegistry({
    folders: [folder],
    probe,
    exists: () => true,
    packs,
    ...options,
  });
  const meant = (reference: string): string => {
    const resolution = registry.resolve(reference);
    if (resolution.kind === 'available') {
      return `${resolution.recipe.toolchain.source} ${resolution.recipe.version}`;
    }
    if (resolution.kind === 'missing') return `missing: ${resolution.message}`;
    return resolution.kind === 'unknown' ? 'unknown' : `known: ${resolution.known.join(' ')}`;
  };
  return { registry, packs, meant };
}

const rows: readonly (readonly [string, readonly string[], string])[] = [
  ['demo', ALL, 'demo@3.11 3.11.9'],
  ['demo', ['demo@3.13', 'demo@3.11+data'], 'host 3.11.2'],
  ['demo', [], 'host 3.11.2'],
  ['demo@3.11', ALL, 'demo@3.11 3.11.9'],
  ['demo@3.11', ['demo@3.13'], 'host 3.11.2'],
  ['demo@3', ALL, 'demo@3.11 3.11.9'],
  ['demo@3.11.2', ALL, 'host 3.11.2'],
  ['demo@3.13', ALL, 'demo@3.13 3.13.1'],
  ['demo@3.13.1', ALL, 'demo@3.13 3.13.1'],
  ['dm@3.11+data', ALL, 'demo@3.11+data 3.11.9'],
  ['demo+data', ALL, 'demo@3.11+data 3.11.9'],
  ['demo@4', ['demo@4'], 'demo@4 4.2'],
  ['demo@3.12', ALL, 'known: 3.11 3.11.2 3.13 3.11+data'],
  ['demo+plots', ALL, 'known: 3.11 3.11.2 3.13 3.11+data'],
  ['demo@3.13+data', ALL, 'known: 3.11 3.11.2 3.13 3.11+data'],
];
for (const [reference, names, expected] of rows) {
  test(`${reference} with ${names.join(', ') || 'no pack'} is ${expected}`, async () => {
    const { meant } = await open({ names });
    assert.equal(meant(reference), expected);
  });
}

test('a pack that could be there is missing, and the message adds it', async () => {
  const { meant } = await open({ names: [] });
  assert.match(meant('demo@3.13'), /^missing: .*gozo packs add demo@3\.13$/);
  assert.match(meant('demo+data'), /^missing: .*gozo packs add demo@3\.11\+data$/);
});

test('where the host’s do not serve, only packs do', async () => {
  const { meant, registry } = await open({ names: ['demo@3.13'], hostToolchains: false });
  assert.match(meant('demo@3.11'), /GOZO_HOST_TOOLCHAINS=false.*gozo packs add demo@3\.11$/);
  assert.equal(meant('demo'), 'demo@3.13 3.13.1');
  assert.equal(registry.list()[0]?.version, '3.13.1');
  const none = await open({ names: [], hostToolchains: false });
  assert.match(none.meant('demo'), /^missing: .*gozo packs add demo@3\.11$/);
  assert.equal(none.registry.list()[0]?.install, 'gozo packs add demo@3.11');
});

test('the recipe of a pack has its root, name and digest', async () => {
  const { registry } = await open({});
  const resolution = registry.resolve('demo@3.13');
  assert.ok(resolution.kind === 'available');
  const { digest } = pack('demo@3.13');
  assert.equal(resolution.recipe.run.launch.rootfs, digest);
  const { toolchain } = resolution.recipe;
  assert.deepEqual(toolchain, { source: 'demo@3.13', version: '3.13.1', digest });
});

test('versions are told with their variants, and those that could be added', async () => {
  const short = ({ registry }: Awaited<ReturnType<typeof open>>) =>
    registry
      .list()[0]
      ?.versions.map(({ version, variants, reason, toolchain }) =>
        [version, variants.join(), reason ?? 'here', toolchain?.source ?? '-'].join(' '),
      );
  assert.deepEqual(short(await open({})), [
    '3.11.9 data here demo@3.11',
    '3.11.2  here host',
    '3.13.1  here demo@3.13',
  ]);
  assert.deepEqual(short(await open({ names: ['demo@3.11+data'] })), [
    '3.11.2  here host',
    '3.11 data TOOLCHAIN_MISSING -',
    '3.13  TOOLCHAIN_MISSING -',
  ]);
});

test('packs come and go with a refresh, and of one that stays nothing is asked twice', async () => {
  const { registry, packs, meant } = await open({ names: ['demo@3.11'] });
  packs.set(['demo@3.11', 'demo@3.13']);
  await registry.refresh();
  assert.equal(meant('demo@3.13'), 'demo@3.13 3.13.1');
  packs.set(['demo@3.13']);
  await registry.refresh();
  assert.equal(meant('demo'), 'host 3.11.2');
});

test('only what is proven is advertised, and what fails gives way to what works', async () => {
  const proofs = new Map<string, Proof>();
  const { registry, meant } = await open({
    proofOf: ({ recipe }) => proofs.get(recipe.toolchain.source) ?? { kind: 'pending' },
  });
  const info = () => registry.list()[0];
  assert.deepEqual([info()?.available, info()?.reason], [false, 'SMOKE_PENDING']);
  assert.equal(meant('demo'), 'demo@3.11 3.11.9', 'what is pending runs all the same');
  proofs.set('demo@3.11', { kind: 'failed', reason: 'stdout' });
  assert.equal(meant('demo'), 'host 3.11.2');
  proofs.set('host', { kind: 'failed', reason: 'stdout' });
  proofs.set('demo@3.13', { kind: 'failed', reason: 'stdout' });
  assert.equal(meant('demo'), 'demo@3.11 3.11.9', 'nothing better is there');
  assert.deepEqual([info()?.available, info()?.reason], [false, 'SMOKE_FAILED']);
  proofs.set('demo@3.11', { kind: 'passed' });
  assert.deepEqual([info()?.available, info()?.reason], [true, undefined]);
  assert.deepEqual(info()?.versions[0]?.variants, [], 'the variant is not proven yet');
});

test('every toolchain has a claim of its own, of the host with its files', async () => {
  const { registry } = await open({});
  const claims = registry
    .claims()
    .map(({ recipe, files, hello }) => [recipe.toolchain.source, files.join(), hello?.name]);
  assert.deepEqual(claims, [
    ['demo@3.11', '', 'hello'],
    ['host', '/usr/bin/demo', 'hello'],
    ['demo@3.13', '', 'hello'],
    ['demo@3.11+data', '', 'hello'],
  ]);
});
