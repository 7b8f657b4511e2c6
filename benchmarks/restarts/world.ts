import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Gozo } from '@gozolite/sdk/gozo';
import { type Home, makeHome, type STORES } from '../../tests/service/keyed-server.js';
import type { Tenant, TrafficDeps } from './asking.js';
import type { Hooks } from './hooks.js';
import type { Lives } from './lives.js';

/** Every stage has something to decide. */
const POLICIES = {
  'default.yaml': `
languages: [bash, python, c]
concurrency: 5000
rate: { requests: { per_s: 5000, burst: 5000 } }
quotas:
  hour: { executions: 10000000, cpu_s: 10000000 }
  day: { executions: 10000000, output_kb: 100000000000 }
rules: { source_bytes_max: 65536, patterns_refused: ['forbidden-word'] }
`,
  'hasty.yaml': `
rate: { requests: { per_s: 1, burst: 3 } }
quotas: { day: { executions: 1000000 } }
`,
  'poor.yaml': 'quotas: { day: { executions: 40 }, month: { executions: 60 } }\n',
} as const;

export interface World extends AsyncDisposable {
  readonly home: Home;
  readonly env: Readonly<Record<string, string>>;
  /** Tenants with their keys and webhooks, made by the first life. */
  people(lives: Lives, hooks: Hooks): Promise<Pick<TrafficDeps, 'tenants' | 'hasty' | 'poor'>>;
}

export async function makeWorld(store: (typeof STORES)[number]): Promise<World> {
  const home = await makeHome(store);
  assert.equal((await home.gozo('tenants', 'create', 'ops')).exitCode, 0);
  const adminKey = await home.key('ops', 'admin', 'read');
  const policies = mkdtempSync(join(tmpdir(), 'gozolite-policies-'));
  for (const [name, text] of Object.entries(POLICIES)) writeFileSync(join(policies, name), text);
  const env = {
    ...home.env,
    GOZO_POLICIES: policies,
    GOZO_CONCURRENCY: '4',
    GOZO_LOG_LEVEL: 'error',
    // The receiver is on loopback.
    ...{ GOZO_WEBHOOK_ALLOW: '127.0.0.1', GOZO_WEBHOOK_HTTP: 'true' },
  };
  return {
    home,
    env,
    people: async (lives, hooks) => {
      const { url } = await lives.current();
      const { admin } = new Gozo({ url, key: adminKey });
      const person = async (id: string): Promise<Tenant> => {
        await admin.createTenant({ id });
        const { key } = await admin.createKey({ tenant: id });
        const { webhooks } = new Gozo({ url, key });
        const { secret, info } = await webhooks.create({ url: `${hooks.url}/${id}` });
        hooks.expect(`/${id}`, secret);
        return { id, key, webhook: info.id };
      };
      const tenants = [await person('alice'), await person('bob')] as const;
      return { tenants, hasty: await person('hasty'), poor: await person('poor') };
    },
    [Symbol.asyncDispose]: async () => {
      await home[Symbol.asyncDispose]();
      rmSync(policies, { recursive: true });
    },
  };
}
