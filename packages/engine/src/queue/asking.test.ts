import type { Execution } from '@gozolite/contract/execution';
import { loggerOver } from '@gozolite/telemetry/logger';
import { expect, test } from 'vitest';
import { createEngine } from '../engine.js';
import { admitted } from '../testing/admitted.js';
import { fakeClock } from '../testing/fake-clock.js';
import { memoryBackend } from '../testing/memory-backend.js';

/** One slot; a run lasts until `finish`. */
function setting() {
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const backend = memoryBackend(async () => {
    await finished;
    return {};
  });
  const log = loggerOver('silent', { write: () => {} });
  const bounds = { concurrency: 1, queueMax: 2, queuePerTenantMax: 2, queueWaitMsMax: 1_000 };
  const engine = createEngine({ backend, log, clock: fakeClock(), ...bounds });
  const asking = { patience: 'kept', signal: new AbortController().signal } as const;
  return { backend, engine, finish, asking };
}

test('a place that may not be had is given back, whether it waits or has its slot', async () => {
  const { backend, engine, finish, asking } = setting();
  const refusal = { code: 'OVERLOADED', detail: 'no' } as const;
  const refusing = { ...asking, admit: () => refusal };
  expect(engine.begin(admitted(), refusing)).toEqual({ ok: false, error: refusal });
  await Promise.resolve();
  const running = engine.begin(admitted(), asking);
  expect(engine.begin(admitted(), refusing)).toEqual({ ok: false, error: refusal });
  finish();
  expect((running.ok && (await running.value.end)) || undefined).toMatchObject({ status: 'ok' });
  expect(engine.load()).toEqual({ running: 0, queued: 0 });
  expect(backend.calls).toHaveLength(1);
});

test('who has no place is not asked for it', async () => {
  const { engine, asking } = setting();
  await engine.drain(0);
  const asked: string[] = [];
  const admit = () => void asked.push('asked');
  expect([engine.begin(admitted(), { ...asking, admit }).ok, asked]).toEqual([false, []]);
});

test('the end is what was written down; a drain does not wait for the writing', async () => {
  const { engine, finish, asking } = setting();
  let write = () => {};
  const written = new Promise<void>((resolve) => {
    write = resolve;
  });
  const keep = async (execution: Execution) => {
    await written;
    return { ...execution, stdout: 'as it is written' };
  };
  const begun = engine.begin(admitted(), { ...asking, keep });
  finish();
  await engine.drain(30_000);
  write();
  expect(begun.ok && (await begun.value.end).stdout).toBe('as it is written');
});
