import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import type { Engine } from '@gozolite/engine/engine';
import type { Patience } from '@gozolite/engine/queue/queue';
import { createTurns } from '@gozolite/engine/turns';
import type { Logger } from '@gozolite/telemetry/logger';
import type { Policies } from '@gozolite/tenancy/policy/policies';
import type { Policy } from '@gozolite/tenancy/policy/policy';
import type { Meter } from '@gozolite/tenancy/usage/meter';
import { admitValue } from '../admission/admit.js';
import { parseBody } from '../admission/body.js';
import { createShapeCheck } from '../admission/shape.js';
import type { Validated, ValidationDeps } from '../admission/validate.js';
import type { Call } from '../http/route.js';
import { endWith } from '../observing/tracing/parts.js';
import type { DataSets } from '../packs/data.js';
import type { Toolchains } from '../toolchains.js';
import { type Apart, takeWebhook } from '../webhooks/apart.js';

export interface DecideDeps {
  readonly toolchains: Toolchains;
  readonly policies: Policies;
  readonly dataOf: (policy: Policy) => DataSets;
  readonly takes?: ValidationDeps['takes'];
  readonly meter: Meter;
  readonly engine: Pick<Engine, 'refuses'>;
  readonly log: Logger;
}

/** A request that may run as far as rate, form, values and policy go. */
export interface Decided {
  readonly validated: Validated;
  readonly policy: Policy;
  /** Who is told of its end, as the caller names it. */
  readonly webhook?: string;
}

type Asking = Pick<Call, 'requestId' | 'receivedAt' | 'caller' | 'span'>;

export interface Decide {
  /** Rate, whether there is a place at all, then what stands in the body. */
  ofBody(asking: Asking, body: Buffer): Promise<Result<Decided, Refusal>>;
  /** The same, of one that nobody waits for. */
  ofSubmission(asking: Asking, body: Buffer): Promise<Result<Decided, Refusal>>;
  /** The same of a part of a body that was parsed. */
  ofValue(asking: Asking, value: unknown): Promise<Result<Decided, Refusal>>;
}

/** The one way from a caller's request to what the engine takes. */
export function createDecide(deps: DecideDeps): Decide {
  const { toolchains, policies, meter, engine, takes, log } = deps;
  const hasShape = createShapeCheck();
  const turn = createTurns();
  const decide = async (
    { requestId, receivedAt: createdAt, caller, span }: Asking,
    read: () => Result<Apart, Refusal>,
    patience?: Patience,
  ): Promise<Result<Decided, Refusal>> => {
    const own = policies.of(caller.tenant);
    const pacing = span?.begin('rate limit');
    const paced = meter.pace(caller.tenant, own);
    endWith(pacing, paced);
    if (!paced.ok) return paced;
    // A wave is mostly told no: its bodies are not parsed for that.
    const full = patience && engine.refuses(caller.tenant, patience);
    if (full !== undefined) return refuse(full);
    const validating = span?.begin('validate');
    const registry = await toolchains.opened;
    await turn();
    const deciding = { hasShape, registry, takes, ...policyFor(deps, own) };
    const value = read();
    const from = { requestId, createdAt, tenant: caller.tenant, span };
    const validated = value.ok ? admitValue(deciding, from, value.value.rest) : value;
    endWith(validating, validated);
    if (!validated.ok) {
      const about = { requestId, traceId: span?.traceId, refusal: validated.error.code };
      log.info(about, 'request refused');
      return validated;
    }
    if (validated.value.kind === 'missing' && toolchains.isLost()) return refuse(NOT_LOOKED_FOR);
    const webhook = value.ok ? value.value.webhook : undefined;
    return ok({ validated: validated.value, policy: own, ...(webhook && { webhook }) });
  };
  return {
    ofBody: (asking, body) => decide(asking, () => whole(parseBody(body)), 'caller'),
    ofSubmission: (asking, body) => decide(asking, () => takeWebhook(parseBody(body)), 'kept'),
    ofValue: (asking, value) => decide(asking, () => takeWebhook(ok(value))),
  };
}

function whole(value: Result<unknown, Refusal>): Result<Apart, Refusal> {
  return value.ok ? ok({ rest: value.value }) : value;
}

/** A policy that changes holds from the next request on. */
function policyFor({ policies, dataOf }: DecideDeps, own: Policy) {
  const { limits: policy, network, digest } = own;
  const policyDigest = policies.isConfigured ? { policyDigest: digest } : {};
  return { own, policy, network, data: dataOf(own), ...policyDigest };
}

/** Nothing could be looked for: `missing` would be a guess. */
const NOT_LOOKED_FOR: Refusal = {
  code: 'OVERLOADED',
  detail:
    'The launcher is away, or its isolation below the floor (GET /readyz says which), so the ' +
    'toolchains are not known yet.',
  retryAfterMs: 2000,
};
