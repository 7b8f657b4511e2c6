import type { LimitPolicy } from '@gozolite/contract/limits';
import type { NetworkPolicy } from '@gozolite/contract/network';
import type { Recipe } from '@gozolite/contract/recipe';
import { systemClock } from '@gozolite/engine/clock';
import { createEngine } from '@gozolite/engine/engine';
import { makeExecutionId } from '@gozolite/engine/id';
import type { Claim } from '@gozolite/languages/offers/offer';
import { differencesOf } from '@gozolite/languages/smokes/differences';
import type { Smoke } from '@gozolite/languages/smokes/smokes';
import type { Backend } from '@gozolite/sandbox/backend';
import { createLogger } from '@gozolite/telemetry/logger';
import { createShapeCheck } from '../admission/shape.js';
import { validate } from '../admission/validate.js';
import type { DataSets } from '../packs/data.js';
import type { Attempt } from './prover.js';

/** The longest that one may take, compile and run together, on a host that is busy. */
const WALL_MS_MAX = 180_000;
const TENANT = 'smoke';
const NO_NETWORK: NetworkPolicy = { allow: [], bytesMax: 1, connectionsMax: 1, timeMsMax: 1 };
const NO_DATA: DataSets = { grants: () => false, granted: () => [], find: () => undefined };

/**
 * Runs first programs as requests are run: admitted by the same checks, through the same stages.
 * By an engine of their own: they count neither as load nor against anybody's share.
 */
export function createAttempt(
  backend: Backend,
  policy: LimitPolicy,
): (claim: Claim) => Promise<Attempt | undefined> {
  const engine = createEngine({
    backend,
    log: createLogger({ level: 'silent', to: 'stdout' }),
    clock: systemClock(),
    concurrency: 8,
    queueMax: 8,
    queuePerTenantMax: 8,
    queueWaitMsMax: WALL_MS_MAX,
  });
  const hasShape = createShapeCheck();
  return async ({ language, recipe, hello }) => {
    if (hello === undefined) return { passed: true, took: { run: 0 } };
    const registry = { resolve: () => ({ kind: 'available', recipe }) as const };
    const createdAt = new Date();
    const id = makeExecutionId(createdAt.getTime());
    const caller = { id, requestId: id, tenant: TENANT, createdAt };
    const request = { language, ...patient(hello.request, recipe, policy) };
    const validated = validate(
      { hasShape, registry, policy, network: NO_NETWORK, data: NO_DATA },
      caller,
      request,
    );
    if (!validated.ok || validated.value.kind !== 'admitted') {
      return { passed: false, why: 'its first program is no request that can be admitted' };
    }
    // Nobody else's runtimes, and no template that a tenant could have.
    const admitted = { ...validated.value.admitted, templates: 'none' } as const;
    const executed = await engine.execute(admitted, AbortSignal.timeout(WALL_MS_MAX));
    // No launcher, no slot: that says nothing of the toolchain.
    if (!executed.ok || executed.value.error !== undefined) return undefined;
    const differences = differencesOf(hello.expect, executed.value);
    const took = { run: executed.value.memory_kb };
    if (differences.length === 0) return { passed: true, took };
    return { passed: false, why: whatDiffers(differences) };
  };
}

/** At a start everything is slow at once: the clock on the wall is no proof of a bad toolchain. */
function patient(
  request: Smoke['request'],
  { compile }: Recipe,
  { run, compile: compiling }: LimitPolicy,
): Smoke['request'] {
  const limits = { wall_time_ms: run.ceilings.wall_time_ms, ...request.limits };
  if (compile === undefined) return { ...request, limits };
  const compileLimits = { wall_time_ms: compiling.ceilings.wall_time_ms };
  return {
    ...request,
    limits,
    compile: { ...request.compile, limits: { ...compileLimits, ...request.compile?.limits } },
  };
}

/** What a program printed stays out of the log. */
const PRINTED = /^(stdout|stderr|SHA-256|the compiler)/;

function whatDiffers(differences: readonly string[]): string {
  return differences
    .map((each) => (PRINTED.test(each) ? `${each.split(':')[0]} is another` : each))
    .join('; ');
}
