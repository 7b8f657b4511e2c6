import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeyInfo } from '@gozolite/contract/tenancy/key';
import { Gozo } from '@gozolite/sdk/gozo';
import { openPostgres } from '@gozolite/store/postgres/postgres';
import { BUILD, type OwnServer, startOwnServer } from '../integration/own-server.js';
import { serverUnderTest } from '../server-under-test.js';
import { postgresUrl } from '../store/databases.js';

/** A folder of a server's own, and a store in it or in Postgres. */
export interface Home extends AsyncDisposable {
  readonly folder: string;
  /** For the server and for `gozo` beside it. */
  readonly env: Readonly<Record<string, string>>;
  gozo(...args: readonly string[]): Promise<Ran>;
  /** `gozo keys create`. @returns the key */
  key(tenant: string, ...scopes: readonly string[]): Promise<string>;
}

export interface Ran {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export const STORES = ['sqlite', 'postgres'] as const;

export async function makeHome(store: (typeof STORES)[number]): Promise<Home> {
  const folder = mkdtempSync(join(tmpdir(), 'gozolite-home-'));
  // Which toolchains there are is known already: to ask each again takes a busy minute.
  const known = join(serverUnderTest().state, 'data', 'detection.json');
  copyFileSync(known, join(folder, 'detection.json'));
  const postgres = store === 'postgres' ? await makeSchema(folder) : undefined;
  const env = { GOZO_DATA: folder, GOZO_AUTH: 'keys', ...postgres?.env };
  const gozo = (...args: readonly string[]) => run([join(BUILD, 'gozo.mjs'), ...args], env);
  return {
    folder,
    env,
    gozo,
    key: async (tenant, ...scopes) => {
      const words = scopes.flatMap((scope) => ['--scope', scope]);
      const { exitCode, stdout, stderr } = await gozo('keys', 'create', tenant, ...words);
      assert.equal(exitCode, 0, stderr);
      return stdout.trim();
    },
    [Symbol.asyncDispose]: async () => {
      await postgres?.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A schema of its own for each folder, in the Postgres that the tests started. */
async function makeSchema(folder: string) {
  const schema = `test_${folder.replace(/\W/g, '').toLowerCase()}`;
  const url = new URL(postgresUrl());
  url.searchParams.set('options', `-c search_path=${schema}`);
  const admin = await openPostgres(postgresUrl());
  await admin.query(`CREATE SCHEMA ${schema}`);
  return {
    env: { GOZO_STORE: url.href },
    drop: async () => {
      await admin.query(`DROP SCHEMA ${schema} CASCADE`);
      await admin[Symbol.asyncDispose]();
    },
  };
}

export interface Keyed extends AsyncDisposable {
  readonly home: Home;
  readonly server: OwnServer;
  /** With the scope admin, of the tenant `ops`. */
  readonly admin: Gozo;
  readonly adminKey: string;
  /** A new tenant's client and key. */
  tenant(id: string): Promise<{ gozo: Gozo; key: string; info: KeyInfo }>;
}

/** A server that wants keys, with one admin, made as an owner makes them. */
export async function startKeyed(
  store: (typeof STORES)[number],
  env: Readonly<Record<string, string>> = {},
): Promise<Keyed> {
  const home = await makeHome(store);
  assert.equal((await home.gozo('tenants', 'create', 'ops')).exitCode, 0);
  const adminKey = await home.key('ops', 'admin', 'execute', 'read');
  const server = await startOwnServer({ ...home.env, ...env });
  const admin = new Gozo({ url: server.url, key: adminKey });
  return {
    ...{ home, server, admin, adminKey },
    tenant: async (id) => {
      await admin.admin.createTenant({ id });
      const { key, info } = await admin.admin.createKey({ tenant: id });
      return { gozo: new Gozo({ url: server.url, key }), key, info };
    },
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await home[Symbol.asyncDispose]();
    },
  };
}

export function run(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ran> {
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      said[name] += chunk;
    });
  }
  return new Promise((resolve) => {
    child.once('close', (exitCode) => resolve({ exitCode, ...said }));
  });
}
