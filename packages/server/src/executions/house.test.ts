import { createEngine } from '@gozolite/engine/engine';
import { fakeClock } from '@gozolite/engine/testing/fake-clock';
import { memoryBackend } from '@gozolite/engine/testing/memory-backend';
import { loggerOver } from '@gozolite/telemetry/logger';
import { createMetrics } from '@gozolite/telemetry/metrics/metrics';
import { createMeter } from '@gozolite/tenancy/usage/meter';
import { expect, test } from 'vitest';
import type { Call } from '../http/route.js';
import { openKeptHouse } from './house.js';

test('where nothing is kept there are no routes, and a key is refused', async () => {
  const log = loggerOver('silent', { write: () => {} });
  const bounds = { concurrency: 1, queueMax: 1, queuePerTenantMax: 1, queueWaitMsMax: 1 };
  const engine = createEngine({ backend: memoryBackend(), log, clock: fakeClock(), ...bounds });
  const onLost = () => {};
  const meter = createMeter({
    store: undefined,
    server: '',
    isAlone: false,
    nowMs: Date.now,
    onLost,
  });
  const never = () => expect.fail();
  const decide = { ofBody: never, ofSubmission: never, ofValue: never };
  const { webhooks: counts } = createMetrics({ version: '1', tenants: false });
  const house = openKeptHouse({ kept: undefined, meter, engine, decide, log, counts });
  expect(house.routes).toEqual([]);
  const call: Call = {
    ...{ requestId: 'r', receivedAt: new Date(0), params: {}, query: {}, body: Buffer.from('{}') },
    headers: { 'idempotency-key': 'x' },
    caller: { tenant: 'local', keyId: '', scopes: [] },
    signal: new AbortController().signal,
    isUpgrade: false,
  };
  expect(await house.once(call)).toMatchObject({ ok: false, error: { code: 'BAD_REQUEST' } });
});
