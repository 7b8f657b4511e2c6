import { setTimeout as sleep } from 'node:timers/promises';
import { createCounts } from '@gozolite/contract/memory/counts';
import type { AttemptOutcome, DeliveryAttempt } from '@gozolite/contract/webhooks/webhook';
import { findExecution } from '@gozolite/store/executions';
import type { Database, Sql } from '@gozolite/store/sql';
import {
  armDeliveries,
  armDelivery,
  type DeliveryRow,
  forgetDeliveries,
  releaseDeliveries,
  settleDelivery,
  takeDeliveries,
  tenantsDue,
} from '@gozolite/store/webhooks/deliveries';
import {
  findWebhook,
  type WebhookRow,
  webhookFailed,
  webhookGone,
  webhookWell,
} from '@gozolite/store/webhooks/webhooks';
import type { Logger } from '@gozolite/telemetry/logger';
import type { Sealing } from '@gozolite/tenancy/keys/sealing';
import { placeOf } from './endpoints.js';
import { eventOf } from './event.js';
import { delayAfter } from './schedule.js';
import { type SendDeps, type Sent, send } from './sending/send.js';
import { signedHeaders } from './sending/signature.js';

export interface DelivererDeps {
  readonly store: Database;
  readonly server: string;
  readonly sealing: () => Promise<Sealing>;
  readonly sending: SendDeps;
  readonly agent: string;
  readonly log: Logger;
  readonly nowMs: () => number;
  readonly random: () => number;
  readonly onAttempt: (outcome: AttemptOutcome) => void;
  readonly onEnd: (state: 'delivered' | 'failed') => void;
}

/** Sends what is due. Disposing of it waits for what it is about, for seconds at most. */
export interface Deliverer extends AsyncDisposable {
  /** This execution's end is written down. */
  ended(execution: string): void;
  /** Something may be due. */
  wake(): void;
}

/** One tenant's slow receivers hold up nobody else. */
const OF_TENANT_MAX = 4;
const AT_ONCE_MAX = 64;
const TENANTS_LOOKED_AT = 1000;
/** Longer than an attempt may take: past it the server that took it is gone. */
const LEASE_MS = 60_000;
const LOOK_MS = 1000;
/** What has not been answered by then is attempted again by the next life. */
const STOP_MS_MAX = 3000;
/** Ends that nobody told of here: of another server, or interrupted. */
const ARM_MS = 10_000;
const FORGET_MS = 60_000;
const KEPT_MS = 7 * 24 * 3_600_000;
const OF_TENANT_KEPT = 10_000;
const ATTEMPTS_KEPT = 20;
/** So long nothing got through: nobody is there. */
const FAILING_MS_MAX = 5 * 24 * 3_600_000;

export function createDeliverer(deps: DelivererDeps): Deliverer {
  const { store, server, log, nowMs } = deps;
  const underWay = createCounts();
  const all = new Set<Promise<void>>();
  let armedAt = Number.NEGATIVE_INFINITY;
  let forgotAt = nowMs();
  let isClosed = false;
  let isWell = true;
  const begin = (row: DeliveryRow): void => {
    underWay.add(row.tenant, 1);
    const done = attempt(deps, row)
      .catch((error: unknown) => log.error({ error }, 'an attempt was not written down'))
      .then(() => {
        underWay.add(row.tenant, -1);
        all.delete(done);
        looker.wake();
      });
    all.add(done);
  };
  const keep = async (now: number): Promise<void> => {
    if (armedAt === Number.NEGATIVE_INFINITY) await releaseDeliveries(store, server, now);
    if (now - armedAt >= ARM_MS) {
      await armDeliveries(store, now);
      armedAt = now;
    }
    if (now - forgotAt < FORGET_MS) return;
    forgotAt = now;
    await forgetDeliveries(store, now - KEPT_MS, OF_TENANT_KEPT);
  };
  const look = async (): Promise<void> => {
    const now = nowMs();
    await keep(now);
    const due = await tenantsDue(store, now, TENANTS_LOOKED_AT);
    // Who has least under way is next: a tenant that was not there finds the first free place.
    const share = Math.max(1, Math.floor((AT_ONCE_MAX - all.size) / due.length));
    for (const tenant of due.toSorted((left, right) => underWay.of(left) - underWay.of(right))) {
      const limit = Math.min(OF_TENANT_MAX - underWay.of(tenant), AT_ONCE_MAX - all.size, share);
      if (limit <= 0 || isClosed) continue;
      const lease = { tenant, server, now, until: now + LEASE_MS, limit };
      for (const row of await takeDeliveries(store, lease)) {
        begin(row);
        looker.wake(); // More may be due than a share.
      }
    }
  };
  const looker = createLooker(async () => {
    try {
      await look();
      isWell = true;
    } catch (error) {
      // Each second anew, as long as the store is away: once is enough to be told.
      if (isWell) log.error({ error }, 'webhooks can not be looked at');
      isWell = false;
    }
  });
  return {
    wake: looker.wake,
    ended: (execution) => {
      armDelivery(store, execution, nowMs()).then(looker.wake, (error: unknown) => {
        log.error({ executionId: execution, error }, 'a webhook was not told yet');
      });
    },
    [Symbol.asyncDispose]: async () => {
      isClosed = true;
      await looker[Symbol.asyncDispose]();
      await Promise.race([Promise.all(all), sleep(STOP_MS_MAX, undefined, { ref: false })]);
    },
  };
}

/** Does it now and then, and as soon as it is woken; never twice at once. */
function createLooker(look: () => Promise<void>) {
  let going: Promise<void> | undefined;
  let again = false;
  let isClosed = false;
  const wake = (): void => {
    if (isClosed) return;
    again = true;
    going ??= (async () => {
      while (again && !isClosed) {
        again = false;
        await look();
      }
      going = undefined;
    })();
  };
  const timer = setInterval(wake, LOOK_MS);
  wake();
  return {
    wake,
    [Symbol.asyncDispose]: async () => {
      isClosed = true;
      clearInterval(timer);
      await going;
    },
  };
}

async function attempt(deps: DelivererDeps, row: DeliveryRow): Promise<void> {
  const { store, nowMs, log, onAttempt } = deps;
  const webhook = await findWebhook(store, row.tenant, row.webhook);
  if (webhook === undefined) return; // Its deliveries went with it.
  const at = nowMs();
  const beganMs = performance.now();
  const sent = webhook.disabledAt === null ? await post(deps, webhook, row) : DISABLED;
  const timeMs = Math.round(performance.now() - beganMs);
  onAttempt(sent.outcome);
  const { outcome, httpStatus, detail } = sent;
  const { execution: executionId, tenant } = row;
  const answered = httpStatus === null ? {} : { httpStatus };
  log.info({ executionId, tenant, outcome, ...answered, wallMs: timeMs }, 'webhook attempted');
  const tried: DeliveryAttempt = {
    at: new Date(at).toISOString(),
    ...{ outcome, http_status: httpStatus, time_ms: timeMs, detail },
  };
  await store.transaction((sql) => settle(deps, sql, { row, sent, tried }));
}

const DISABLED: Sent = {
  outcome: 'disabled',
  httpStatus: null,
  detail: 'the webhook is disabled: POST /webhooks/{id}/enable, then deliver again',
  retryAfterMs: 0,
};

async function post(deps: DelivererDeps, webhook: WebhookRow, row: DeliveryRow): Promise<Sent> {
  const { store, sealing, sending, agent, nowMs } = deps;
  const { id, tenant, execution } = row;
  const found = await findExecution(store, tenant, execution);
  const body = eventOf({ execution, at: row.createdAt }, found, webhook.payload);
  const secrets = secretsOf(await sealing(), webhook, nowMs());
  const headers = signedHeaders({ id, atMs: nowMs(), body }, secrets);
  return send(sending, {
    url: new URL(webhook.url),
    headers: { ...headers, 'user-agent': agent },
    body,
  });
}

function secretsOf(sealing: Sealing, webhook: WebhookRow, now: number): readonly string[] {
  const { secret, oldSecret, oldSecretUntil } = webhook;
  const sealed = [
    secret,
    ...(oldSecret !== null && (oldSecretUntil ?? 0) > now ? [oldSecret] : []),
  ];
  return sealed.map((each) => sealing.open(each, placeOf(webhook)));
}

interface Tried {
  readonly row: DeliveryRow;
  readonly sent: Sent;
  readonly tried: DeliveryAttempt;
}

async function settle(
  { nowMs, random, onEnd }: DelivererDeps,
  sql: Sql,
  { row, sent, tried }: Tried,
): Promise<void> {
  const now = nowMs();
  const { outcome, httpStatus } = sent;
  const isGone = httpStatus === 410;
  const tries = row.tries + 1;
  const isLast = outcome === 'delivered' || outcome === 'disabled' || isGone;
  const delayMs = isLast ? undefined : delayAfter(tries, sent.retryAfterMs, random);
  const earlier = JSON.parse(row.attempts) as DeliveryAttempt[];
  const attempts = JSON.stringify([...earlier, tried].slice(-ATTEMPTS_KEPT));
  const end = outcome === 'delivered' ? 'delivered' : 'failed';
  const to =
    delayMs === undefined
      ? { state: end, nextAt: null, endedAt: now }
      : { state: 'pending', nextAt: now + delayMs, endedAt: null };
  const isOurs = await settleDelivery(sql, row, { ...to, tries, attempts });
  if (outcome === 'delivered') await webhookWell(sql, row.webhook);
  else if (isGone) await webhookGone(sql, row.webhook, now);
  else if (outcome !== 'disabled') {
    await webhookFailed(sql, row.webhook, now, now - FAILING_MS_MAX);
  }
  if (isOurs && delayMs === undefined) onEnd(end);
}
