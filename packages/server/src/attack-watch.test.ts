import assert from 'node:assert/strict';
import type { Attack } from '@gozolite/attacks/corpus';
import { memoryBackend } from '@gozolite/engine/testing/memory-backend';
import { type Backend, BackendUnavailable } from '@gozolite/sandbox/backend';
import { createLogger } from '@gozolite/telemetry/logger';
import { test } from 'vitest';
import { type AttackState, watchAttacks } from './attack-watch.js';

const attack: Attack = {
  id: 'kernel-symbols',
  title: 'Reads the symbols',
  family: 'information-leak',
  protection: 'proc-masks',
  layers: ['proc-masks'],
  language: 'bash',
  code: 'echo attack',
  contained: { stdout: '^REFUSED' },
  succeeds: { stdout: '^REACHED' },
  twin: { title: 'reads its own', code: 'echo twin' },
};
const folder = new URL('../../../attacks', import.meta.url).pathname;
const log = createLogger({ level: 'silent', to: 'stdout' });

/** Prints REACHED for everything but the attack, for which it prints what is given. */
function answering(word: string): Backend {
  return memoryBackend(async ({ files: [file] }) => {
    const isAttack = Buffer.from(file?.content ?? []).includes('echo attack');
    return { stdout: Buffer.from(isAttack ? word : 'REACHED') };
  });
}

async function settled(backend: Backend): Promise<AttackState> {
  const deps = { backend, attacks: [attack], folder, everyMs: 3_600_000, log };
  await using watch = watchAttacks(deps);
  while (watch.state().kind === 'pending') await new Promise((resolve) => setImmediate(resolve));
  return watch.state();
}

test('attacks that were refused are contained', async () => {
  assert.deepEqual(await settled(answering('REFUSED')), { kind: 'contained' });
});

test('an attack that was not refused is named', async () => {
  assert.deepEqual(await settled(answering('REACHED')), {
    kind: 'not-contained',
    ids: ['kernel-symbols'],
  });
});

test('while no launcher answers it stays pending, and asks again', async () => {
  let asked = 0;
  const diagnose = () => {
    asked += 1;
    return Promise.reject(new BackendUnavailable('nobody listens'));
  };
  const backend = { ...memoryBackend(), diagnose };
  await using watch = watchAttacks({ backend, attacks: [attack], folder, everyMs: 1, log });
  assert.deepEqual(watch.state(), { kind: 'pending' });
  while (asked < 3) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(watch.state(), { kind: 'pending' });
});
