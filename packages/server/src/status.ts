import { arch, release } from 'node:os';
import type {
  Capabilities,
  Diagnostics,
  Finding,
  TenantAnomaly,
} from '@gozolite/contract/capabilities';
import type { DataSetInfo } from '@gozolite/contract/data/data-set';
import type { Readiness } from '@gozolite/contract/health';
import { type Level, meetsFloor } from '@gozolite/contract/level';
import type { Demand } from '@gozolite/engine/demand/demand';
import type { Engine } from '@gozolite/engine/engine';
import type { Reservation } from '@gozolite/engine/queue/room';
import { describeProblem } from '@gozolite/languages/parse';
import type { Registry } from '@gozolite/languages/registry';
import { type Backend, type BackendDiagnosis, BackendUnavailable } from '@gozolite/sandbox/backend';
import type { Anomaly } from '@gozolite/telemetry/anomalies/anomalies';
import type { Policies } from '@gozolite/tenancy/policy/policies';
import type { Policy } from '@gozolite/tenancy/policy/policy';
import type { AttackState } from './attack-watch.js';
import type { AnomalyWatch } from './observing/anomalies.js';
import type { StoreWatch } from './observing/store-watch.js';
import type { DataSets } from './packs/data.js';
import type { Toolchains } from './toolchains.js';
import { VERSION } from './version.js';

export interface StatusDeps {
  readonly backend: Backend;
  readonly engine: Engine;
  readonly demand: Pick<Demand, 'state'>;
  readonly toolchains: Toolchains;
  readonly policies: Policies;
  readonly dataOf: (policy: Policy) => DataSets;
  readonly concurrency: number;
  readonly reservable: Reservation;
  readonly queueMax: number;
  readonly hostToolchains: boolean;
  readonly isolationFloor: Level;
  readonly isDraining: () => boolean;
  /** What the short attacks found; undefined where readiness does not depend on them. */
  readonly attacks: (() => AttackState) | undefined;
  readonly anomalies: Pick<AnomalyWatch, 'now'>;
  /** Of tenants and executions; absent where there is none. */
  readonly store: StoreWatch | undefined;
}

/** What the server says of itself, from what its parts say. */
export interface Status {
  /** As far as this tenant may use it. */
  readonly capabilities: (tenant: string) => Promise<Capabilities>;
  readonly diagnostics: () => Promise<Diagnostics>;
  readonly readiness: () => Promise<Readiness>;
}

export function createStatus(deps: StatusDeps): Status {
  return {
    capabilities: async (tenant) => {
      const registry = await deps.toolchains.opened;
      const policy = deps.policies.of(tenant);
      const isPermitted = ({ id }: { id: string }) => policy.languages?.has(id) ?? true;
      const diagnosis = await diagnose(deps.backend);
      return {
        version: VERSION,
        languages: registry.list().filter(isPermitted),
        host_toolchains: deps.hostToolchains,
        limits: policy.limits,
        isolation: diagnosis.kind === 'seen' ? diagnosis.is.isolation : deps.engine.isolation(),
        network: {
          allow: [...policy.network.allow],
          bytes_max: policy.network.bytesMax,
          connections_max: policy.network.connectionsMax,
          time_ms_max: policy.network.timeMsMax,
        },
        data: [...infoOf(deps.dataOf(policy))],
        concurrency: deps.concurrency,
        queue: deps.queueMax,
      };
    },
    diagnostics: async () => {
      const registry = await deps.toolchains.opened;
      const pool = await deps.demand.state();
      const diagnostics = diagnosticsOf(deps, registry, await diagnose(deps.backend));
      return pool === undefined ? diagnostics : { ...diagnostics, pool };
    },
    readiness: async () => {
      if (deps.isDraining()) return unready('DRAINING', 'The server is stopping.');
      const diagnosis = await diagnose(deps.backend);
      if (diagnosis.kind === 'away') return unready('LAUNCHER_AWAY', diagnosis.reason);
      const { level } = diagnosis.is.isolation;
      const floor = deps.isolationFloor;
      if (!meetsFloor(level, floor)) {
        return unready('ISOLATION_REDUCED', `The level is ${level}, and the floor is ${floor}.`);
      }
      if ((await deps.store?.isUp()) === false) return unready('STORE_AWAY', STORE_AWAY);
      if (!deps.toolchains.isOpen() || deps.toolchains.isLost()) {
        return unready('DETECTING_TOOLCHAINS', 'Toolchains are being looked for.');
      }
      return afterAttacks(deps.attacks?.());
    },
  };
}

const STORE_AWAY = 'The store of tenants and executions can not be reached.';

function infoOf({ granted, find }: DataSets): readonly DataSetInfo[] {
  const sets = granted().flatMap((name) => find(name) ?? []);
  return sets.map(({ name, digest, bytes, files }) => ({ name, digest, bytes, files }));
}

function afterAttacks(state: AttackState | undefined): Readiness {
  if (state === undefined || state.kind === 'contained') return { ready: true };
  return state.kind === 'pending'
    ? unready('ATTACKS_PENDING', 'The short attacks have not ended yet.')
    : unready('ATTACK_NOT_CONTAINED', `Not contained: ${state.ids.join(', ')}.`);
}

function unready(reason: NonNullable<Readiness['reason']>, detail: string): Readiness {
  return { ready: false, reason, detail };
}

type Diagnosis =
  | { readonly kind: 'seen'; readonly is: BackendDiagnosis }
  | { readonly kind: 'away'; readonly reason: string };

async function diagnose(backend: Backend): Promise<Diagnosis> {
  try {
    return { kind: 'seen', is: await backend.diagnose() };
  } catch (error) {
    if (error instanceof BackendUnavailable) return { kind: 'away', reason: error.message };
    throw error;
  }
}

function diagnosticsOf(deps: StatusDeps, registry: Registry, diagnosis: Diagnosis): Diagnostics {
  const seen = diagnosis.kind === 'seen' ? diagnosis.is : undefined;
  const isolation = seen?.isolation ?? deps.engine.isolation();
  const quarantined = seen?.quarantined ?? 0;
  const isSafe = meetsFloor(isolation.level, deps.isolationFloor);
  const toolchains = registry.list().map(({ id, available, version, reason, install }) => ({
    language: id,
    available,
    version,
    ...(reason === undefined ? {} : { reason }),
    ...(install === undefined ? {} : { install }),
  }));
  return {
    healthy: seen !== undefined && isSafe && quarantined === 0,
    kernel: seen?.kernel ?? release(),
    architecture: seen?.architecture ?? arch(),
    cgroup: seen?.cgroup ?? 'unknown',
    isolation,
    findings: [
      launcherFinding(deps.backend.name, diagnosis),
      ...(seen?.findings ?? []),
      ...stuck(quarantined),
      ...refusedFiles(registry),
      ...refusedPolicies(deps.policies),
    ],
    toolchains,
    backends: [
      {
        name: deps.backend.name,
        available: seen !== undefined,
        detail: diagnosis.kind === 'away' ? diagnosis.reason : `isolation level ${isolation.level}`,
      },
    ],
    load: { ...deps.engine.load(), quarantined },
    reserved: reservedOf(deps),
    anomalies: deps.anomalies.now().map(toldOf),
  };
}

function reservedOf({ engine, reservable }: StatusDeps): Diagnostics['reserved'] {
  const { memoryKb, cpus } = engine.reserved();
  const { memoryKb: memoryKbMax, cpus: cpusMax } = reservable;
  return { memory_kb: memoryKb, memory_kb_max: memoryKbMax, cpus, cpus_max: cpusMax };
}

function toldOf({ tenant, signal, sinceMs, share, usual, count }: Anomaly): TenantAnomaly {
  const since = new Date(sinceMs).toISOString();
  return { tenant, signal, since, share: rounded(share), usual: rounded(usual), executions: count };
}

function rounded(share: number): number {
  return Math.round(share * 1000) / 1000;
}

function launcherFinding(backend: string, diagnosis: Diagnosis): Finding {
  if (backend === 'container') return engineFinding(diagnosis);
  const id = 'launcher';
  if (diagnosis.kind === 'seen') return { id, state: 'present', detail: 'sandboxd answers.' };
  const remedy = 'Start sandboxd: npm start does, and gozo serve.';
  return { id, state: 'missing', detail: diagnosis.reason, remedy };
}

function engineFinding(diagnosis: Diagnosis): Finding {
  const id = 'launcher';
  if (diagnosis.kind === 'seen') {
    return { id, state: 'present', detail: 'The container engine answers, and runs containers.' };
  }
  const remedy =
    'Start the engine; GOZO_DOCKER_SOCKET names its socket, which the server must be able to use.';
  return { id, state: 'missing', detail: diagnosis.reason, remedy };
}

function stuck(quarantined: number): readonly Finding[] {
  if (quarantined === 0) return [];
  const detail = `${quarantined} sandboxes could not be proven gone; their slots are withheld.`;
  const remedy = 'Look for processes that hang in the kernel (state D), then restart it.';
  return [{ id: 'quarantine', state: 'warning', detail, remedy }];
}

function refusedFiles(registry: Registry): readonly Finding[] {
  return registry.problems().map((problem) => ({
    id: 'language-file',
    state: 'warning' as const,
    detail: describeProblem(problem),
    remedy: 'Mend it (the server must be able to read it), then POST /capabilities/refresh.',
  }));
}

function refusedPolicies(policies: Policies): readonly Finding[] {
  return policies.problems().map((problem) => ({
    id: 'policy',
    state: 'warning' as const,
    detail: describeProblem(problem),
    remedy: 'Mend it: what it said before is in force until then.',
  }));
}
