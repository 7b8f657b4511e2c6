import { existsSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { readCorpus } from '@gozolite/attacks/corpus';
import { shortForm } from '@gozolite/attacks/short-form';
import { unreachable } from '@gozolite/contract/result';
import { systemClock } from '@gozolite/engine/clock';
import { createDemand } from '@gozolite/engine/demand/demand';
import { createEngine, type Engine } from '@gozolite/engine/engine';
import { openRegistry } from '@gozolite/languages/registry';
import type { Backend } from '@gozolite/sandbox/backend';
import { createContainerBackend } from '@gozolite/sandbox/backends/container/container-backend';
import { createNativeBackend } from '@gozolite/sandbox/backends/native/native-backend';
import { withFloor } from '@gozolite/sandbox/floor';
import type { Logger } from '@gozolite/telemetry/logger';
import type { Tenancy } from '@gozolite/tenancy/open';
import type { Policy } from '@gozolite/tenancy/policy/policy';
import type { FastifyInstance } from 'fastify';
import { type AttackWatch, watchAttacks } from './attack-watch.js';
import type { Config } from './config.js';
import { connectionsMaxFor, descriptorsMax } from './connections-max.js';
import { createDecide } from './executions/decide.js';
import { openKeptHouse } from './executions/house.js';
import { createApp } from './http/app.js';
import { createBodyBudget } from './http/body-budget.js';
import type { Route } from './http/route.js';
import { openDataSets } from './packs/data.js';
import { watchPacks } from './packs/watch.js';
import { readHostMemory } from './pool/host-memory.js';
import { createProbe } from './probe.js';
import { keyRoutes } from './routes/admin/keys.js';
import { tenantRoutes } from './routes/admin/tenants.js';
import { capabilitiesRoute, refreshRoute } from './routes/capabilities.js';
import { diagnosticsRoute } from './routes/diagnostics.js';
import { executeRoute } from './routes/execute.js';
import { healthRoute } from './routes/health.js';
import { openApiRoutes } from './routes/openapi.js';
import { readinessRoute } from './routes/readiness.js';
import { usageRoute } from './routes/usage.js';
import { HOST_LIMITS, type Service } from './service.js';
import { createAttempt } from './smokes/attempt.js';
import { createProver, type Prover } from './smokes/prover.js';
import { createStatus } from './status.js';
import { watchToolchains } from './toolchains.js';

export interface ServerDeps {
  readonly config: Config;
  readonly log: Logger;
  /** Stays the caller's. */
  readonly service: Service;
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

/** A quarter of the memory, at most 1 GiB, for request bodies. */
const BODY_BYTES_MAX = Math.min(1024 ** 3, Math.floor(totalmem() / 4));

/** The one place that knows every part: backend, registry, engine, routes, HTTP. */
export function compose(deps: ServerDeps): House {
  const { config, log, service, languagesFolder, attacksFolder } = deps;
  const { policies, tenancy, meter } = service;
  const { isolationFloor } = config;
  const backend = withFloor(backendOf(config), isolationFloor);
  const clock = systemClock();
  const demand = createDemand({ backend, log, clock, options: config.pool, host: readHostMemory });
  const { concurrency, queueMax, queuePerTenantMax, queueWaitMsMax } = config;
  const engine = createEngine({
    ...{ backend, log, clock, demand },
    ...{ concurrency, queueMax, queuePerTenantMax, queueWaitMsMax },
    kept: config.executions?.waiting,
  });
  const folders = [languagesFolder, ...config.languageFolders];
  const { hostToolchains, prepare, templates } = config;
  const packs = { packs: watchPacks({ folder: config.packsFolder, log }) };
  const prover = config.smokes ? proverOf(backend, { config, log }) : undefined;
  const proofs = prover && { proofOf: prover.proofOf };
  const toolchains = watchToolchains({
    open: (probe) =>
      openRegistry({
        ...{ folders, probe, exists: existsSync, hostToolchains, prepare, templates },
        ...{ ...proofs, ...packs },
      }),
    probe: (onLost) => createProbe(backend, HOST_LIMITS, onLost),
    isReachable: () => answers(backend),
    cacheFile: join(config.dataFolder, 'detection.json'),
    refreshMs: config.refreshMs,
    ...{ ...(prover && { prover }), ...packs, log },
  });
  const attacks = attackWatch(backend, attacksFolder, { config, log });
  let isDraining = false;
  const dataOf = ({ dataAllow }: Policy) => openDataSets(config.packsFolder, dataAllow);
  const status = createStatus({
    ...{ backend, engine, demand, toolchains, policies, dataOf, concurrency, queueMax },
    ...{ hostToolchains, isolationFloor },
    isDraining: () => isDraining,
    attacks: attacks?.state,
  });
  const decide = createDecide({ toolchains, policies, dataOf, meter, log, takes: prover?.tookOf });
  const kept = openKeptHouse({ ...service, engine, decide, log });
  const served: readonly Route[] = [
    executeRoute({ engine, meter, decide, once: kept.once }),
    ...kept.routes,
    capabilitiesRoute({ ...status, refresh: toolchains.refresh }),
    refreshRoute({ ...status, refresh: toolchains.refresh }),
    healthRoute(),
    readinessRoute(status),
    diagnosticsRoute(status),
    ...(tenancy === undefined ? [] : [usageRoute(service), ...tenancyRoutes(tenancy)]),
  ];
  return {
    app: appOver(served, deps),
    engine,
    opened: toolchains.opened,
    drain: () => {
      isDraining = true;
      return engine.drain(config.drainMs).then(kept.settled);
    },
    [Symbol.asyncDispose]: async () => {
      packs.packs[Symbol.dispose]();
      await attacks?.[Symbol.asyncDispose]();
      await toolchains[Symbol.asyncDispose]();
      await engine[Symbol.asyncDispose]();
      demand[Symbol.dispose]();
      await backend[Symbol.asyncDispose]();
    },
  };
}

function answers(backend: Backend): Promise<boolean> {
  return backend.diagnose().then(
    () => true,
    () => false,
  );
}

function appOver(served: readonly Route[], { config, log, service }: ServerDeps): FastifyInstance {
  const { tenancy } = service;
  const routes = [...served, ...openApiRoutes(served, tenancy !== undefined)];
  return createApp({
    ...{ routes, log, budget: createBodyBudget(BODY_BYTES_MAX) },
    authenticate: tenancy?.authenticate,
    connectionsMax: connectionsMaxFor(descriptorsMax(), config.concurrency),
  });
}

function tenancyRoutes({ administration }: Tenancy): readonly Route[] {
  return [...tenantRoutes(administration), ...keyRoutes(administration)];
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
