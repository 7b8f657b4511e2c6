import { existsSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { readCorpus } from '@gozolite/attacks/corpus';
import { shortForm } from '@gozolite/attacks/short-form';
import { unreachable } from '@gozolite/contract/result';
import { systemClock } from '@gozolite/engine/clock';
import { createDemand } from '@gozolite/engine/demand/demand';
import { createEngine, type Engine, type EngineDeps } from '@gozolite/engine/engine';
import { openRegistry } from '@gozolite/languages/registry';
import type { Backend } from '@gozolite/sandbox/backend';
import { createContainerBackend } from '@gozolite/sandbox/backends/container/container-backend';
import { createNativeBackend } from '@gozolite/sandbox/backends/native/native-backend';
import { withFloor } from '@gozolite/sandbox/floor';
import type { Logger } from '@gozolite/telemetry/logger';
import { createMetrics, type Metrics } from '@gozolite/telemetry/metrics/metrics';
import type { Tracer } from '@gozolite/telemetry/tracing/span';
import type { Tenancy } from '@gozolite/tenancy/open';
import type { Policy } from '@gozolite/tenancy/policy/policy';
import type { FastifyInstance } from 'fastify';
import { type AttackWatch, watchAttacks } from './attack-watch.js';
import { createCaches } from './caches/caches.js';
import type { Config } from './config.js';
import { connectionsMaxFor, descriptorsMax } from './connections-max.js';
import { createDecide, type Decide } from './executions/decide.js';
import { openKeptHouse } from './executions/house.js';
import { type AppDeps, createApp } from './http/app.js';
import { createBodyBudget } from './http/body-budget.js';
import type { Route } from './http/route.js';
import { openInteractive } from './interactive/open.js';
import { createListeners } from './listeners/listeners.js';
import { watchAnomalies } from './observing/anomalies.js';
import { auditedRoute } from './observing/audit/administration.js';
import { countRequest, createCounting } from './observing/metrics/count.js';
import { watchStore } from './observing/store-watch.js';
import { traced, tracedAudit } from './observing/tracing/engine.js';
import { type ExecutionWatch, tellStarted, watched } from './observing/watched.js';
import { onceRoute } from './once/once.js';
import { openDataSets } from './packs/data.js';
import { watchPacks } from './packs/watch.js';
import { readHostMemory } from './pool/host-memory.js';
import { createProbe } from './probing/probe.js';
import { keyRoutes } from './routes/admin/keys.js';
import { tenantRoutes } from './routes/admin/tenants.js';
import { capabilitiesRoute, refreshRoute } from './routes/capabilities.js';
import { diagnosticsRoute } from './routes/diagnostics.js';
import { executeRoute } from './routes/execute.js';
import { healthRoute } from './routes/health.js';
import { metricsRoute } from './routes/metrics.js';
import { openApiRoutes } from './routes/openapi.js';
import { readinessRoute } from './routes/readiness.js';
import { receiptRoutes } from './routes/receipts.js';
import { usageRoute } from './routes/usage.js';
import { HOST_LIMITS, type Service } from './service.js';
import { createAttempt } from './smokes/attempt.js';
import { createProver, type Prover } from './smokes/prover.js';
import { createStatus } from './status.js';
import { watchToolchains } from './toolchains.js';
import { VERSION } from './version.js';

export interface ServerDeps {
  readonly config: Config;
  readonly log: Logger;
  /** Stays the caller's. */
  readonly service: Service;
  /** Absent where no traces are sent. Stays the caller's too. */
  readonly tracer?: Tracer | undefined;
  /** The folder of the shipped language files. */
  readonly languagesFolder: string;
  /** The folder of the shipped attacks. */
  readonly attacksFolder: string;
}

/** All parts together. Disposing of it cancels what still runs. */
export interface House extends AsyncDisposable {
  readonly app: FastifyInstance;
  readonly engine: Engine;
  /** Rejects where a language file is broken: the server can't start then. */
  readonly opened: Promise<unknown>;
  /** Refuses what comes, waits for what runs, cancels what is left after `drainMs`. */
  drain(): Promise<void>;
}

/** A quarter of the memory, at most 1 GiB, for request bodies, and so much for answers. */
const BODY_BYTES_MAX = Math.min(1024 ** 3, Math.floor(totalmem() / 4));

/** The one place that knows every part: backend, registry, engine, routes, HTTP. */
export function compose(deps: ServerDeps): House {
  const { config, log, service, attacksFolder } = deps;
  const { policies, tenancy, meter } = service;
  const { isolationFloor } = config;
  const backend = withFloor(backendOf(config), isolationFloor);
  const clock = systemClock();
  const demand = createDemand({ backend, log, clock, options: config.pool, host: readHostMemory });
  const { concurrency, reservable, queueMax } = config;
  const metrics = createMetrics({ version: VERSION, tenants: config.observing.metricsTenants });
  const { anomalyWindowMs: windowMs } = config.observing;
  const anomalies = watchAnomalies({ windowMs, metrics, log });
  const lookers = [createCounting(metrics), anomalies.watch];
  const engine = engineOver(deps, lookers, { backend, clock, demand });
  const { packs, prover, caches, toolchains } = languagesOver(deps, backend);
  const attacks = attackWatch(backend, attacksFolder, { config, log });
  let isDraining = false;
  const dataOf = ({ dataAllow }: Policy) => openDataSets(config.packsFolder, dataAllow);
  const tables = tenancy?.store ?? service.kept?.store;
  const store = tables && watchStore(tables);
  const connectionsMax = connectionsMaxFor(descriptorsMax(), concurrency);
  const policyOf = policies.of;
  const listeners = createListeners({ ...config.listeners, connectionsMax, policyOf });
  const load = { concurrency, reservable, queueMax, anomalies, store, listeners };
  const looking = { backend, engine, demand, toolchains, policies, ...load };
  const status = createStatus({
    ...{ ...looking, dataOf, hostToolchains: config.hostToolchains, isolationFloor },
    isDraining: () => isDraining,
    attacks: attacks?.state,
  });
  const decide = createDecide({
    ...{ toolchains, policies, dataOf, meter, engine, log },
    takes: prover?.tookOf,
  });
  const { kept, ...runs } = runsOver(deps, metrics, { backend, engine, decide });
  const served: readonly Route[] = [
    ...runs.routes,
    capabilitiesRoute({ ...status, refresh: toolchains.refresh }),
    refreshRoute({ ...status, refresh: toolchains.refresh }),
    healthRoute(),
    readinessRoute(status),
    diagnosticsRoute(status),
    metricsRoute({ metrics, meter, audit: service.audit, backlog: kept.backlog, ...looking }),
    ...(tenancy === undefined
      ? []
      : [usageRoute({ ...service, listeners }), ...tenancyRoutes(tenancy, service)]),
  ];
  return {
    app: appOver(served, deps, {
      ...{ metrics, listeners, connectionsMax, isDraining: () => isDraining },
    }),
    engine,
    opened: toolchains.opened,
    drain: () => {
      isDraining = true;
      return runs.drain();
    },
    [Symbol.asyncDispose]: () =>
      closeAll([kept, packs, attacks, caches, toolchains, engine, demand, backend]),
  };
}

async function closeAll(parts: readonly (AsyncDisposable | Disposable | undefined)[]) {
  for (const part of parts) {
    if (part === undefined) continue;
    if (Symbol.asyncDispose in part) await part[Symbol.asyncDispose]();
    else part[Symbol.dispose]();
  }
}

/** What there is to run programs with, and the proof of it. */
function languagesOver({ config, log, service, languagesFolder }: ServerDeps, backend: Backend) {
  const folders = [languagesFolder, ...config.languageFolders];
  const { hostToolchains, prepare, templates } = config;
  const packs = watchPacks({ folder: config.packsFolder, log });
  service.audit?.watchPacks(packs.installed);
  const prover = config.smokes ? proverOf(backend, { config, log }) : undefined;
  const proofs = prover && { proofOf: prover.proofOf };
  const folder = config.backend === 'native' ? config.cachesFolder : undefined;
  const caches =
    folder === undefined ? undefined : createCaches({ folder, backend, policy: HOST_LIMITS, log });
  const cacheOf = caches && { cacheOf: caches.of };
  const toolchains = watchToolchains({
    open: (probe) =>
      openRegistry({
        ...{ folders, probe, exists: existsSync, hostToolchains, prepare, templates },
        ...{ ...proofs, ...cacheOf, packs },
      }),
    probe: (onLost) => createProbe(backend, HOST_LIMITS, onLost),
    isReachable: () => answers(backend),
    cacheFile: join(config.dataFolder, 'detection.json'),
    refreshMs: config.refreshMs,
    ...{ ...(prover && { prover }), ...(caches && { caches }), packs, log },
  });
  return { packs, prover, caches, toolchains };
}

/** All ways to have a program run. */
function runsOver(
  { config, log, service }: ServerDeps,
  metrics: Metrics,
  parts: { readonly backend: Backend; readonly engine: Engine; readonly decide: Decide },
) {
  const { engine, decide } = parts;
  const { meter } = service;
  const kept = openKeptHouse({ ...service, engine, decide, log, counts: metrics.webhooks });
  const talks = openInteractive({ ...parts, meter, kept, config, log });
  const execute = executeRoute({ engine, meter, decide, once: kept.once });
  return {
    kept,
    routes: [execute, ...kept.routes, ...changing(kept.webhookRoutes, service), talks.route],
    drain: () => {
      talks.drain();
      return engine.drain(config.drainMs).then(kept.settled).then(talks.settled);
    },
  };
}

function answers(backend: Backend): Promise<boolean> {
  return backend.diagnose().then(
    () => true,
    () => false,
  );
}

function appOver(
  served: readonly Route[],
  { config, log, service, tracer }: ServerDeps,
  {
    metrics,
    ...around
  }: Pick<AppDeps, 'listeners' | 'connectionsMax' | 'isDraining'> & {
    readonly metrics: Metrics;
  },
): FastifyInstance {
  const { tenancy, audit } = service;
  const all = [...served, ...(audit === undefined ? [] : receiptRoutes(audit.trail))];
  const described = { hasKeys: tenancy !== undefined, limits: HOST_LIMITS };
  const routes = [...all, ...openApiRoutes(all, described)];
  return createApp({
    ...{ ...around, routes, log, budget: createBodyBudget(BODY_BYTES_MAX) },
    ...{ answerBytesMax: BODY_BYTES_MAX, corsOrigins: config.corsOrigins },
    authenticate: tenancy?.authenticate,
    tracer,
    onSeen: (seen) => {
      countRequest(metrics, seen);
      service.audit?.seen(seen);
    },
  });
}

/** The engine, with all who look on: every execution passes here, whatever way it came. */
function engineOver(
  { config, log, service: { audit }, tracer }: ServerDeps,
  lookers: readonly ExecutionWatch[],
  parts: Pick<EngineDeps, 'backend' | 'clock' | 'demand'>,
): Engine {
  const trace = tracer !== undefined;
  const recorded = audit && (trace ? tracedAudit(audit.watch) : audit.watch);
  const watches = [...(recorded === undefined ? [] : [recorded]), ...lookers];
  const { concurrency, reservable, queueMax, queuePerTenantMax, queueWaitMsMax } = config;
  const queueing = { concurrency, reservable, queueMax, queuePerTenantMax, queueWaitMsMax };
  const kept = config.executions?.waiting;
  const onStarted = tellStarted(watches);
  const engine = createEngine({ ...parts, ...queueing, kept, log, onStarted });
  return trace ? traced(watched(engine, watches)) : watched(engine, watches);
}

/** What changes who may do what, and who is told: on record, and once for each Idempotency-Key. */
function changing(routes: readonly Route[], { audit, kept }: Service): readonly Route[] {
  const audited = (route: Route) => (audit ? auditedRoute(route, audit.recorder) : route);
  return routes.map((route) => onceRoute(audited(route), kept));
}

function tenancyRoutes({ administration }: Tenancy, service: Service): readonly Route[] {
  return changing([...tenantRoutes(administration), ...keyRoutes(administration)], service);
}

function proverOf(backend: Backend, { config, log }: Pick<ServerDeps, 'config' | 'log'>): Prover {
  const file = join(config.dataFolder, 'smokes.json');
  return createProver({ attempt: createAttempt(backend, HOST_LIMITS), file, log });
}

function attackWatch(
  backend: Backend,
  folder: string,
  { config, log }: Pick<ServerDeps, 'config' | 'log'>,
): AttackWatch | undefined {
  const everyMs = config.readyAttacksMs;
  if (everyMs === 0) return undefined;
  const attacks = shortForm(readCorpus(folder));
  return watchAttacks({ backend, attacks, folder, everyMs, log });
}

/** Adding a backend is a folder and a row here. */
function backendOf(config: Config): Backend {
  switch (config.backend) {
    case 'native':
      return createNativeBackend({ socketPath: config.launcherSocket });
    case 'container': {
      const { socket, image, runtime } = config.container;
      const folder = join(config.dataFolder, 'container');
      const packs = config.packsFolder;
      return createContainerBackend({ socketPath: socket, image, runtime, folder, packs });
    }
    default:
      return unreachable(config.backend);
  }
}
