import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Delivery, DeliveryState } from '@gozolite/contract/webhooks/webhook';
import { makeExecutionId } from '@gozolite/engine/id';
import { endExecution, insertExecutions } from '@gozolite/store/executions';
import { openStore } from '@gozolite/store/open';
import { loggerOver } from '@gozolite/telemetry/logger';
import { sealingUnder } from '@gozolite/tenancy/keys/sealing';
import { createDeliverer, type Deliverer } from './deliver.js';
import { createEndpoints } from './endpoints.js';
import { createGuard } from './sending/address.js';
import { createResolve } from './sending/resolve.js';

export const ACME = 'acme';
const ALL = { webhook: '', execution: '', state: '', before: '', limit: 100 };

/** Webhooks over a real store and real receivers on 127.0.0.1; time goes on as the test says. */
export async function webhooksSetting() {
  const folder = mkdtempSync(join(tmpdir(), 'gozolite-webhooks-'));
  const store = await openStore({ kind: 'sqlite', file: join(folder, 'store.db') });
  const clock = { now: Date.now() };
  const nowMs = () => clock.now;
  const sealing = sealingUnder(randomBytes(32));
  const guard = createGuard(['127.0.0.1'], () => new Set());
  const counted: string[] = [];
  let deliverer: Deliverer | undefined;
  const started: Deliverer[] = [];
  const start = (server = 's') => {
    deliverer = createDeliverer({
      ...{ store, server, nowMs, sealing: async () => sealing, random: () => 0 },
      sending: { resolve: createResolve(), guard, timeMsMax: 60_000 },
      agent: 'GozoLite/test',
      log: loggerOver('silent', { write: () => {} }),
      onAttempt: (outcome) => counted.push(outcome),
      onEnd: (state) => counted.push(state),
    });
    started.push(deliverer);
    return deliverer;
  };
  const endpoints = createEndpoints({
    ...{ store, nowMs, sealing: async () => sealing, rules: { guard, http: true } },
    wake: () => deliverer?.wake(),
  });
  return {
    ...{ store, clock, endpoints, start, counted, sealing },
    /** Registers it. @returns its id and secret */
    register: async (url: string, payload: 'record' | 'id' = 'record', tenant = ACME) => {
      const made = await endpoints.create(tenant, { url, payload });
      if (!made.ok) throw new Error(made.error.detail);
      return { id: made.value.info.id, secret: made.value.secret };
    },
    /** One that has been accepted and names that webhook. */
    accept: async (webhook: string, tenant = ACME) => {
      const execution = makeExecutionId();
      const id = execution.replace('exe_', 'msg_');
      const at = { createdAt: nowMs(), dueAt: nowMs(), startedAt: null, endedAt: null };
      const row = { id: execution, tenant, server: 's', language: 'bash', labels: '{"a":"b"}' };
      const ending = { status: 'failed', bytes: 2, record: '{}' };
      const delivery = { id, tenant, webhook, execution, createdAt: nowMs() };
      await insertExecutions(store, [{ ...row, ...at, ...ending }], undefined, [delivery]);
      return { execution, id };
    },
    end: async (execution: string, record = '{"status":"ok","stdout":"42\\n"}') => {
      const end = { startedAt: nowMs(), at: nowMs(), status: 'ok', record };
      await endExecution(store, execution, end);
      deliverer?.ended(execution);
    },
    /** Resolves as a delivery is in that state, after so many attempts at least. */
    until: async (id: string, state: DeliveryState, attempts = 0): Promise<Delivery> => {
      for (let look = 0; look < 3000; look += 1) {
        const all = await endpoints.deliveries(ACME, ALL);
        const found = all.find((each) => each.id === id);
        if (found?.state === state && found.attempts.length >= attempts) return found;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      throw new Error(`${id} is not ${state}`);
    },
    infoOf: async (id: string) => (await endpoints.list(ACME)).find((each) => each.id === id),
    [Symbol.asyncDispose]: async () => {
      for (const each of started) await each[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
}
