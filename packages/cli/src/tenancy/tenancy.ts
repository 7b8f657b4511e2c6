import { unreachable } from '@gozolite/contract/result';
import type { CreatedKey, KeyInfo } from '@gozolite/contract/tenancy/key';
import type { TenantInfo } from '@gozolite/contract/tenancy/tenant';
import { Gozo } from '@gozolite/sdk/gozo';
import { align } from '../commands/align.js';
import { UsageError } from '../usage-error.js';
import type { Administrator } from './administrator.js';
import type { TenancyFlags, TenancyRequest } from './program.js';
import { openLocalStore } from './store.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** `gozo tenants …` and `gozo keys …`. @returns the exit code. */
export async function tenancy(
  env: Environment,
  { url = env.GOZO_URL, json }: TenancyFlags,
  request: TenancyRequest,
): Promise<number> {
  await using admin = url ? overHttp(url, env) : await openLocalStore(env);
  const said = await carryOut(admin, request);
  const text = json ? [JSON.stringify(said.value, null, 2)] : said.lines;
  process.stdout.write(`${text.join('\n')}\n`);
  if (!json && said.note !== undefined) process.stderr.write(`${said.note}\n`);
  return 0;
}

function overHttp(url: string, env: Environment): Administrator {
  if (!URL.canParse(url)) throw new UsageError(`"${url}" is no URL`);
  const { admin } = new Gozo({ url, ...(env.GOZO_KEY ? { key: env.GOZO_KEY } : {}) });
  return {
    createTenant: (tenant) => admin.createTenant(tenant),
    listTenants: () => admin.listTenants(),
    rotateTenant: (id, rotation) => admin.rotateTenant(id, rotation),
    revokeTenant: (id) => admin.revokeTenant(id),
    eraseTenant: (id) => admin.eraseTenant(id),
    createKey: (key) => admin.createKey(key),
    listKeys: (tenant) => admin.listKeys(tenant),
    rotateKey: (id, rotation) => admin.rotateKey(id, rotation),
    revokeKey: (id) => admin.revokeKey(id),
    [Symbol.asyncDispose]: async () => {},
  };
}

/** A key goes to standard output alone, so that a pipe takes it and nothing else. */
interface Said {
  readonly value: unknown;
  readonly lines: readonly string[];
  readonly note?: string;
}

async function carryOut(admin: Administrator, request: TenancyRequest): Promise<Said> {
  switch (request.kind) {
    case 'create-tenant': {
      const { id, name } = request;
      const tenant = await admin.createTenant({ id, ...(name === undefined ? {} : { name }) });
      return { value: tenant, lines: [tenant.id] };
    }
    case 'list-tenants': {
      const tenants = await admin.listTenants();
      return { value: tenants, lines: align([TENANT_HEAD, ...tenants.map(tenantCells)]) };
    }
    case 'rotate-tenant': {
      const { id, graceS } = request;
      return newKeys(await admin.rotateTenant(id, { grace_s: graceS }));
    }
    case 'revoke-tenant': {
      const tenant = await admin.revokeTenant(request.id);
      return { value: tenant, lines: [`${tenant.id}: revoked`] };
    }
    case 'erase-tenant': {
      const erased = await admin.eraseTenant(request.id);
      const { id, executions, webhooks, keys } = erased;
      const what = `${executions} executions, ${webhooks} webhooks, ${keys} keys`;
      return { value: erased, lines: [`${id}: deleted ${what}`] };
    }
    case 'create-key':
      return newKey(await admin.createKey(wantedKey(request)));
    case 'list-keys': {
      const keys = await admin.listKeys(request.tenant);
      return { value: keys, lines: align([KEY_HEAD, ...keys.map(keyCells)]) };
    }
    case 'rotate-key':
      return newKey(await admin.rotateKey(request.id, { grace_s: request.graceS }));
    case 'revoke-key': {
      const key = await admin.revokeKey(request.id);
      return { value: key, lines: [`${key.id}: revoked`] };
    }
    default:
      return unreachable(request);
  }
}

function wantedKey(request: Extract<TenancyRequest, { kind: 'create-key' }>) {
  const { tenant, name, scopes, lifetimeS } = request;
  const end = lifetimeS === undefined ? undefined : new Date(Date.now() + lifetimeS * 1000);
  return {
    tenant,
    ...(name === undefined ? {} : { name }),
    ...(scopes === undefined ? {} : { scopes: [...scopes] }),
    ...(end === undefined ? {} : { expires_at: end.toISOString() }),
  };
}

function newKey(created: CreatedKey): Said {
  const { info, key } = created;
  const note = `${info.id} of ${info.tenant} (${info.scopes.join(', ')}); it is not shown again`;
  return { value: created, lines: [key], note };
}

function newKeys(created: readonly CreatedKey[]): Said {
  const lines = created.map(({ key, info }) => `${info.id} ${info.name} ${key}`);
  return { value: created, lines, note: `${created.length} keys; they are not shown again` };
}

const TENANT_HEAD = ['ID', 'NAME', 'CREATED', 'REVOKED'];
const KEY_HEAD = ['ID', 'TENANT', 'NAME', 'KEY', 'SCOPES', 'LAST USED', 'ENDS', 'REVOKED'];

function tenantCells({ id, name, created_at, revoked_at }: TenantInfo): readonly string[] {
  return [id, name, day(created_at), day(revoked_at)];
}

function keyCells(key: KeyInfo): readonly string[] {
  const { id, tenant, name, hint, scopes, last_used_at, expires_at, revoked_at } = key;
  const times = [last_used_at, expires_at, revoked_at].map(day);
  return [id, tenant, name || '-', `${hint}…`, scopes.join(','), ...times];
}

function day(time: string | null): string {
  return time === null ? '-' : time.slice(0, 16).replace('T', ' ');
}
