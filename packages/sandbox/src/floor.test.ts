import type { Level } from '@gozolite/contract/level';
import { expect, test } from 'vitest';
import { type Backend, BackendUnavailable, type SandboxCommand } from './backend.js';
import { withFloor } from './floor.js';

/** Only its diagnosis matters here; `ran` counts what got past the floor. */
function backendAt(levels: readonly (Level | 'away')[]) {
  const left = [...levels];
  const seen = { asked: 0, ran: 0 };
  const backend: Backend = {
    name: 'levels',
    diagnose: async () => {
      seen.asked += 1;
      const level = left.length > 1 ? left.shift() : left[0];
      if (level === undefined || level === 'away') throw new BackendUnavailable('away');
      const isolation = { backend: 'levels', level, layers: [], missing: [] };
      const host = { kernel: '6', architecture: 'x86_64', cgroup: 'none' };
      return { ...host, isolation, findings: [], leaving: 0, quarantined: 0 };
    },
    run: async () => {
      seen.ran += 1;
      throw new Error('ran');
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
  return { backend, seen };
}

const command = {} as SandboxCommand;
const options = { signal: new AbortController().signal };

test('below the floor nothing runs, and the outcome names both levels', async () => {
  const { backend, seen } = backendAt(['reduced']);
  const { outcome } = await withFloor(backend, 'full').run(command, options);
  expect(outcome).toEqual({ kind: 'below-floor', level: 'reduced', floor: 'full' });
  expect(seen.ran).toBe(0);
});

test('at the floor it runs, and the level is asked once', async () => {
  const { backend, seen } = backendAt(['reduced']);
  const floored = withFloor(backend, 'reduced');
  for (let run = 0; run < 3; run += 1) {
    await expect(floored.run(command, options)).rejects.toThrow('ran');
  }
  expect(seen).toEqual({ asked: 1, ran: 3 });
});

test('a launcher that does not answer runs nothing, and is asked again', async () => {
  const { backend, seen } = backendAt(['away', 'reduced', 'full']);
  const floored = withFloor(backend, 'full');
  expect((await floored.run(command, options)).outcome.kind).toBe('launcher-lost');
  expect((await floored.run(command, options)).outcome.kind).toBe('below-floor');
  await expect(floored.run(command, options)).rejects.toThrow('ran');
  expect(seen.ran).toBe(1);
});

test("a command's own floor holds beside the server's, and for it alone", async () => {
  const { backend, seen } = backendAt(['reduced']);
  const floored = withFloor(backend, 'reduced');
  const { outcome } = await floored.run({ ...command, floor: 'full' }, options);
  expect(outcome).toEqual({ kind: 'below-floor', level: 'reduced', floor: 'full' });
  await expect(floored.run({ ...command, floor: 'reduced' }, options)).rejects.toThrow('ran');
  await expect(floored.run(command, options)).rejects.toThrow('ran');
  expect(seen.ran).toBe(2);
});
