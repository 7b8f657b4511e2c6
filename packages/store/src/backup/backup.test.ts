import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openAuditLog } from '../audit/log/log.js';
import { openStore } from '../open.js';
import { insertTenant, listTenants } from '../tenants.js';
import { makeBackup } from './backup.js';
import { checkBackup } from './check.js';
import { parseManifest } from './manifest.js';
import { restoreBackup } from './restore.js';

/** A server's folder of data, with a store and a log that are written to meanwhile. */
async function setting() {
  const root = mkdtempSync(join(tmpdir(), 'gozolite-backup-'));
  const data = join(root, 'data');
  mkdirSync(data);
  const policies = join(root, 'policies');
  mkdirSync(policies);
  writeFileSync(join(policies, 'acme.yaml'), 'weight: 2\n');
  writeFileSync(join(data, 'key-secret'), `${'ab'.repeat(32)}\n`, { mode: 0o600 });
  writeFileSync(join(data, 'server-id'), 'srv_1\n');
  writeFileSync(join(data, 'detection.json'), '{}');
  const store = await openStore({ kind: 'sqlite', file: join(data, 'store.db') });
  const onFault = (error: unknown) => expect.fail(String(error));
  const log = await openAuditLog({ dataFolder: data, nowMs: Date.now, commitMs: 5, onFault });
  let count = 0;
  const write = async () => {
    count += 1;
    const id = `t${count}`;
    await insertTenant(store, { id, name: id, createdAt: count, revokedAt: null });
    log.append({ kind: 'admin', action: 'createTenant', target: id, by: 'test', user: 0 });
  };
  const sources = {
    ...{ dataFolder: data, secretFile: join(data, 'key-secret'), policiesFolder: policies },
    store: { kind: 'sqlite', file: join(data, 'store.db') },
    packsFolder: join(root, 'packs'),
  } as const;
  const to = join(root, 'backup');
  return {
    ...{ root, data, sources, to, write, log },
    count: () => count,
    make: () => makeBackup(sources, to, '1.2.3'),
    findings: async () => (await checkBackup(to)).findings.join('\n'),
    [Symbol.asyncDispose]: async () => {
      await log[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      rmSync(root, { recursive: true });
    },
  };
}

test('a copy taken while all is written to is whole, private, and comes back', async () => {
  await using own = await setting();
  for (let at = 0; at < 50; at += 1) await own.write();
  await own.log.commit();
  let isOver = false;
  const writing = (async () => {
    while (!isOver) await own.write();
  })();
  const before = own.count();
  const { manifest } = await own.make();
  isOver = true;
  await writing;
  expect(await own.findings()).toBe('');
  const paths = manifest.files.map(({ path }) => path);
  expect(paths).toEqual(expect.arrayContaining(['store.db', 'key-secret', 'server-id']));
  expect(paths).toEqual(expect.arrayContaining(['audit/log', 'audit/key', 'policies/acme.yaml']));
  expect(paths).not.toContain('detection.json');
  for (const path of [...paths, 'manifest.json']) {
    expect(statSync(join(own.to, path)).mode & 0o777, path).toBe(0o600);
  }
  expect(statSync(own.to).mode & 0o777).toBe(0o700);
  expect(readdirSync(own.data).filter((name) => name.startsWith('.backup'))).toEqual([]);

  const targets = {
    dataFolder: join(own.root, 'new', 'data'),
    secretFile: join(own.root, 'new', 'data', 'key-secret'),
    policiesFolder: join(own.root, 'new', 'data', 'policies'),
    owner: undefined,
  };
  restoreBackup(own.to, manifest, targets);
  await using store = await openStore({
    kind: 'sqlite',
    file: join(targets.dataFolder, 'store.db'),
  });
  expect((await listTenants(store)).length).toBeGreaterThanOrEqual(before);
  const onFault = (error: unknown) => expect.fail(String(error));
  const again = { dataFolder: targets.dataFolder, nowMs: Date.now, commitMs: 5, onFault };
  await using log = await openAuditLog(again);
  expect(log.size()).toBeGreaterThanOrEqual(before);
  expect(readFileSync(join(targets.policiesFolder, 'acme.yaml'), 'utf8')).toBe('weight: 2\n');
  expect(() => restoreBackup(own.to, manifest, targets)).toThrow(/not empty/);
});

test('whatever is done to a backup is found, file by file', async () => {
  await using own = await setting();
  for (let at = 0; at < 5; at += 1) await own.write();
  await own.log.commit();
  const trials: readonly (readonly [string, (path: string) => void, RegExp])[] = [
    ['audit/log', (path) => appendFileSync(path, ' '), /^audit\/log has \d+ bytes, and had \d+$/],
    ['store.db', (path) => truncateSync(path, 4096), /^store\.db has 4096 bytes/],
    ['server-id', (path) => writeFileSync(path, 'srv_2\n'), /^server-id was changed$/],
    ['key-secret', (path) => rmSync(path), /^key-secret is missing, or no file$/],
    ['more', (path) => writeFileSync(path, 'x'), /^more was not in the backup$/],
  ];
  for (const [path, change, finding] of trials) {
    await own.make();
    change(join(own.to, path));
    expect(await own.findings(), path).toMatch(finding);
    rmSync(own.to, { recursive: true });
  }
  await own.make();
  rmSync(join(own.to, 'server-id'));
  symlinkSync(join(own.data, 'server-id'), join(own.to, 'server-id'));
  expect(await own.findings()).toMatch(/^server-id is missing, or no file/);
});

test('nothing is overwritten, and what failed leaves nothing behind', async () => {
  await using own = await setting();
  mkdirSync(own.to);
  writeFileSync(join(own.to, 'mine'), 'x');
  await expect(own.make()).rejects.toThrow(/not empty/);
  rmSync(own.to, { recursive: true });
  const link = join(own.root, 'link');
  symlinkSync('/etc/hostname', link);
  await expect(makeBackup({ ...own.sources, secretFile: link }, own.to, '1')).rejects.toThrow();
  expect(existsSync(own.to)).toBe(false);
  expect(readdirSync(own.root).filter((name) => name.startsWith('.'))).toEqual([]);
  const nowhere = { ...own.sources, dataFolder: join(own.root, 'none') };
  await expect(makeBackup(nowhere, own.to, '1')).rejects.toThrow(/there is no /);
});

test('of a server on Postgres the rest is taken', async () => {
  await using own = await setting();
  const store = { kind: 'postgres', url: 'postgres://nobody@127.0.0.1:1/none' } as const;
  const { manifest } = await makeBackup({ ...own.sources, store }, own.to, '1');
  expect(manifest.store).toBe('postgres');
  expect(manifest.files.map(({ path }) => path)).not.toContain('store.db');
  expect(await own.findings()).toBe('');
});

test('a manifest can name nothing outside of its folder', () => {
  const file = { bytes: 1, sha256: 'a'.repeat(64) };
  const of = (...paths: readonly string[]) =>
    JSON.stringify({
      ...{ format: 1, created_at: '', version: '', store: 'none', packs: [] },
      files: paths.map((path) => ({ ...file, path })),
    });
  expect(parseManifest(of('store.db', 'audit/log')).files.length).toBe(2);
  for (const path of ['../x', '/etc/passwd', 'a/../b', 'a//b', '.ssh/key', 'a/.', 'a\0b', '']) {
    expect(() => parseManifest(of(path)), path).toThrow();
  }
  expect(() => parseManifest(of('a', 'a'))).toThrow();
  for (const text of ['', '[]', '{}', '{"format":2}', 'null']) {
    expect(() => parseManifest(text), text).toThrow();
  }
});
