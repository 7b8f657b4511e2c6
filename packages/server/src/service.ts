import { mkdirSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Execution } from '@gozolite/contract/execution';
import { limitPolicyFor } from '@gozolite/contract/limits';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import { openKnownNames } from '@gozolite/languages/names/known';
import { describeProblem } from '@gozolite/languages/parse';
import type { OpenExecution } from '@gozolite/store/audit/log/log';
import { findExecution } from '@gozolite/store/executions';
import { openStore } from '@gozolite/store/open';
import { type Database, StoreError } from '@gozolite/store/sql';
import { joinMembers, type Member } from '@gozolite/store/sqlite/members';
import type { Logger } from '@gozolite/telemetry/logger';
import { openSealing, type Sealing } from '@gozolite/tenancy/keys/sealing';
import { OidcError } from '@gozolite/tenancy/oidc/oidc-error';
import { readOidc } from '@gozolite/tenancy/oidc/settings';
import { type Oidc, openTenancy, type Tenancy } from '@gozolite/tenancy/open';
import { openPolicies, type Policies, type PolicyProblem } from '@gozolite/tenancy/policy/policies';
import type { BasePolicy } from '@gozolite/tenancy/policy/policy';
import { keepUsage, serverName } from '@gozolite/tenancy/usage/housekeeping';
import { createMeter, type Meter } from '@gozolite/tenancy/usage/meter';
import { type Config, isLoopback } from './config.js';
import { keepExecutions } from './executions/keeping.js';
import { createKeyRoom, type KeyRoom } from './executions/keys/key-room.js';
import type { ExecutionSettings } from './executions/settings.js';
import { type Audit, openAudit } from './observing/audit/audit.js';
import { VERSION } from './version.js';

/** Of this machine, as the server found it at its start. */
export const HOST_LIMITS = limitPolicyFor(availableParallelism(), Math.floor(totalmem() / 1024));

/** What stands around the engine: who may ask, and for what. */
export interface Service extends AsyncDisposable {
  /** Tenants and keys; absent where everybody on loopback is served. */
  readonly tenancy: Tenancy | undefined;
  readonly policies: Policies;
  /** How fast and how much. */
  readonly meter: Meter;
  /** The signed log of it all; absent where none is kept. */
  readonly audit: Audit | undefined;
  /** Where executions are kept until somebody asks; absent where none are. */
  readonly kept: Kept | undefined;
}

export interface Kept {
  readonly store: Database;
  /** The name of this server, the same at its next start. */
  readonly server: string;
  readonly settings: ExecutionSettings;
  /** Of what webhooks are signed with; made where it is not there yet. */
  readonly sealing: () => Promise<Sealing>;
  readonly keyRoom: KeyRoom;
}

/** Why there is no start. A bad setting stays bad; a store that is away may come back. */
export interface StartFault {
  readonly kind: 'setting' | 'store';
  readonly message: string;
}

export async function openService(
  config: Config,
  log: Logger,
  languagesFolder: string,
): Promise<Result<Service, StartFault>> {
  let audit: Audit | undefined;
  const { policiesFolder: folder, languageFolders: own } = config;
  const policies = openPolicies({
    folder,
    languages: folder === '' ? undefined : await openKnownNames([languagesFolder, ...own], own),
    base: basePolicyOf(config),
    onChange: (problems) => {
      tell(log, problems);
      audit?.policiesChanged();
    },
  });
  if (!policies.ok) {
    const message = policies.error.map(describeProblem).join('\n  ');
    return refuse({ kind: 'setting', message });
  }
  const closing: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    policies.value[Symbol.dispose](); // Before what its changes are told to.
    for (const each of closing.reverse()) await each();
  };
  const failed = async <E>(refusal: E): Promise<E> => {
    await close();
    return refusal;
  };
  const opened = await openKeys(config, log, (tenant) => {
    audit?.recorder.record({ kind: 'admin', action: 'createTenant', made: [tenant] });
  });
  if (!opened.ok) return failed(opened);
  closing.push(() => opened.value?.[Symbol.asyncDispose]());
  const store = opened.value?.store;
  let shared = async (): Promise<void> => undefined;
  const joined = await takeName(config, () => shared());
  if (!joined.ok) return failed(joined);
  const { server, member } = joined.value;
  closing.push(() => member?.[Symbol.dispose]());
  const audited = await openAuditOf(config, policies.value, log);
  if (!audited.ok) return failed(audited);
  audit = audited.value;
  closing.push(() => audit?.[Symbol.asyncDispose]());
  const kept = await openKept(config, log, { store, server, policies: policies.value });
  if (!kept.ok) return failed(kept);
  closing.push(() => kept.value?.[Symbol.asyncDispose]());
  await audit?.begin((open) => writtenEnd(kept.value, open));
  const onLost = (error: unknown) => log.error({ error }, 'usage was not kept');
  const isAlone = store?.kind === 'sqlite' && member?.isAlone() === true;
  const meter = createMeter({ store, server, isAlone, nowMs: Date.now, onLost });
  shared = meter.share;
  closing.push(meter.settled);
  if (store !== undefined) {
    const keeping = await keepUsage(store, server, onLost);
    closing.push(() => keeping[Symbol.dispose]());
  }
  return ok({
    tenancy: opened.value,
    policies: policies.value,
    meter,
    kept: kept.value,
    audit,
    [Symbol.asyncDispose]: close,
  });
}

/** A name in the store that no other living server has; nobody's where nothing is stored. */
async function takeName(
  { auth, executions, dataFolder }: Config,
  onShare: () => Promise<void>,
): Promise<Result<{ readonly server: string; readonly member?: Member }, StartFault>> {
  if (auth === 'none' && executions === undefined) return ok({ server: '' });
  try {
    mkdirSync(dataFolder, { recursive: true });
    const member = await joinMembers(join(dataFolder, 'servers'), onShare);
    const first = serverName(join(dataFolder, 'server-id'));
    return ok({ server: member.number === 1 ? first : `${first}-${member.number}`, member });
  } catch (error) {
    const hint = auth === 'none' ? `\n  ${NOTHING_KEPT}` : '';
    return refuse({ kind: 'store', message: `${reasonOf(error)}${hint}` });
  }
}

/** The record of an execution that the life before ended, and had not put on record yet. */
async function writtenEnd(
  kept: Kept | undefined,
  { id, tenant }: OpenExecution,
): Promise<Execution | undefined> {
  if (kept === undefined || tenant === undefined) return undefined;
  const row = await findExecution(kept.store, tenant, id);
  // What was written is a record: nothing else is.
  return row?.endedAt == null ? undefined : (JSON.parse(row.record) as Execution);
}

/** @param store the one that there is with keys; else one is opened for this alone */
async function openKept(
  config: Config,
  log: Logger,
  {
    store: keyed,
    server,
    policies,
  }: {
    readonly store: Database | undefined;
    readonly server: string;
    readonly policies: Policies;
  },
): Promise<Result<(Kept & AsyncDisposable) | undefined, StartFault>> {
  const { executions: settings } = config;
  if (settings === undefined) return ok(undefined);
  try {
    const store = keyed ?? (await openStore(config.store));
    const keeping = await keepExecutions({ store, server, settings, policies, log });
    return ok({
      ...{ store, server, settings },
      keyRoom: createKeyRoom(store, settings.keysPerTenantMax),
      sealing: () => openSealing(config.keySecretFile, store),
      [Symbol.asyncDispose]: async () => {
        keeping[Symbol.dispose]();
        if (keyed === undefined) await store[Symbol.asyncDispose]();
      },
    });
  } catch (error) {
    return refuse({ kind: 'store', message: `${reasonOf(error)}\n  ${NOTHING_KEPT}` });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const NOTHING_KEPT =
  'The store keeps executions that nobody waits for (POST /executions); ' +
  'GOZO_ASYNC=false does without it, unless there are keys.';

/** A log that is not what was signed stays so: a setting, until somebody has looked into it. */
async function openAuditOf(
  { observing, dataFolder }: Config,
  policies: Policies,
  log: Logger,
): Promise<Result<Audit | undefined, StartFault>> {
  if (observing.audit === 'off') return ok(undefined);
  const isRequired = observing.audit === 'required';
  const opened = await openAudit({ dataFolder, isRequired, version: VERSION, policies, log });
  return opened.ok ? opened : refuse({ kind: 'setting', message: opened.error });
}

/** What the machine and the settings allow: no tenant's policy goes beyond it. */
function basePolicyOf({
  auth,
  network,
  dataAllow,
  isolationFloor,
  executions,
}: Config): BasePolicy {
  const counts = auth === 'keys';
  const keepMs = executions?.keepMs;
  return { limits: HOST_LIMITS, network, dataAllow, isolationFloor, counts, keepMs };
}

function tell(log: Logger, problems: readonly PolicyProblem[]): void {
  if (problems.length === 0) log.info({}, 'policies changed');
  for (const problem of problems) {
    log.error({ file: problem.file, reason: describeProblem(problem) }, 'policy refused');
  }
}

async function openKeys(
  config: Config,
  log: Logger,
  onTenant: Oidc['onTenant'],
): Promise<Result<Tenancy | undefined, StartFault>> {
  if (config.auth === 'none') return ok(undefined);
  const { store: address, keySecretFile: secretFile } = config;
  const onLost = (error: unknown) => log.warn({ error }, 'the last use of a key was not noted');
  const oidc = openOidc(config, log, onTenant);
  if (!oidc.ok) return oidc;
  try {
    const tenancy = await openTenancy({ address, secretFile, onLost, oidc: oidc.value });
    const isKeyed = oidc.value !== undefined || (await tenancy.livingKeys()) > 0;
    if (isLoopback(config.listen) || isKeyed) return ok(tenancy);
    await tenancy[Symbol.asyncDispose]();
    return refuse({ kind: 'setting', message: NO_KEYS });
  } catch (error) {
    if (error instanceof OidcError) return refuse({ kind: 'setting', message: error.message });
    if (!(error instanceof StoreError)) throw error;
    return refuse({ kind: 'store', message: error.message });
  }
}

function openOidc(
  { oidcFile }: Config,
  log: Logger,
  onTenant: Oidc['onTenant'],
): Result<Oidc | undefined, StartFault> {
  if (oidcFile === '') return ok(undefined);
  const read = readOidc(oidcFile);
  if (!read.ok) {
    return refuse({ kind: 'setting', message: read.error.map(describeProblem).join('\n  ') });
  }
  const onIssuer: Oidc['onIssuer'] = (issuer, error) => {
    if (error === undefined) log.info({ reason: issuer }, "an issuer's keys are known again");
    else log.warn({ reason: issuer, error }, "an issuer's keys could not be had");
  };
  return ok({ issuers: read.value, onIssuer, onTenant });
}

const NO_KEYS =
  'it would listen beyond loopback, and nobody has a key: ' +
  'gozo tenants create <id>, then gozo keys create <id>';
