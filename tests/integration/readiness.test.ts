import assert from 'node:assert/strict';
import type { Readiness } from '@gozolite/contract/health';
import { test } from 'vitest';
import { get } from './client.js';
import { startOwnServer } from './own-server.js';

test('with GOZO_READY_ATTACKS_MS it is ready once the short attacks were contained', async () => {
  // startOwnServer waits until it is ready, and pending attacks mean that it is not.
  await using server = await startOwnServer({ GOZO_READY_ATTACKS_MS: '3600000' });
  assert.deepEqual(await get<Readiness>('/readyz', server.url), { ready: true });
});
