import assert from 'node:assert/strict';
import { LIMIT_FLOORS, LIMIT_NAMES, limitPolicyFor } from '@gozolite/contract/limits';
import type { Recipe } from '@gozolite/contract/recipe';
import { test } from 'vitest';
import { limitFaults, resolveLimits, runtimeFaults } from './limits.js';

const policy = limitPolicyFor(4, 16 * 1024 * 1024);
const launch = { digest: 'd', rootfs: 'host', command: ['/x'], env: {} };
const stage = { launch, args: [], env: {}, limits: {} };
const recipe: Recipe = {
  language: 'x',
  version: '1',
  toolchain: { source: 'host', version: '1' },
  source: 'main.x',
  run: stage,
};
const nothing = { run: {}, compile: {} };

for (const name of LIMIT_NAMES) {
  for (const stageName of ['run', 'compile'] as const) {
    test(`${stageName} ${name}: at floor and ceiling taken, one past either refused`, () => {
      const floor = LIMIT_FLOORS[name];
      const ceiling = policy[stageName].ceilings[name];
      const codesOf = (value: number) =>
        limitFaults(policy, stageName, { [name]: value }).map(({ code }) => code);
      assert.deepEqual(codesOf(floor), []);
      assert.deepEqual(codesOf(ceiling), []);
      assert.deepEqual(codesOf(floor - 1), ['LIMIT_TOO_LOW']);
      assert.deepEqual(codesOf(ceiling + 1), ['LIMIT_TOO_HIGH']);
    });
  }
}

test('a refusal names the limit by its pointer, and the ceiling', () => {
  const [fault] = limitFaults(policy, 'compile', { wall_time_ms: 120_001 });
  assert.deepEqual(fault, {
    pointer: '/compile/limits/wall_time_ms',
    code: 'LIMIT_TOO_HIGH',
    detail: '120001 is above the ceiling of 120000.',
  });
});

test('without a compile stage there are no compile limits', () => {
  assert.deepEqual(resolveLimits(policy, recipe, nothing), { run: policy.run.defaults });
  const compiled = resolveLimits(policy, { ...recipe, compile: stage }, nothing);
  assert.deepEqual(compiled.compile, policy.compile.defaults);
});

test('a language file raises a default, the request goes over both', () => {
  const raised = {
    ...recipe,
    run: { ...stage, limits: { memory_kb: 512 * 1024, processes: 256 } },
  };
  assert.equal(resolveLimits(policy, raised, nothing).run.memory_kb, 512 * 1024);
  const asked = { run: { memory_kb: 64 * 1024 }, compile: {} };
  const { run } = resolveLimits(policy, raised, asked);
  assert.equal(run.memory_kb, 64 * 1024);
  assert.equal(run.processes, 256);
});

test('a language file never raises a ceiling', () => {
  const greedy = { ...recipe, run: { ...stage, limits: { memory_kb: 10 ** 9 } } };
  const { run } = resolveLimits(policy, greedy, nothing);
  assert.equal(run.memory_kb, policy.run.ceilings.memory_kb);
});

test('the stack is the memory where that is smaller, unless asked for', () => {
  const small = { memory_kb: 32 * 1024 };
  const large = { memory_kb: 1024 * 1024 };
  const stackOf = (run: object) => resolveLimits(policy, recipe, { run, compile: {} }).run.stack_kb;
  assert.equal(stackOf(small), 32 * 1024);
  assert.equal(stackOf(large), 256 * 1024);
  assert.equal(stackOf({ ...small, stack_kb: 64 * 1024 }), 64 * 1024);
});

test('memory below what the runtime takes is refused with that figure, a tenth less is not', () => {
  const codesOf = (memoryKb: number) => runtimeFaults({ run: 10_000 }, { memory_kb: memoryKb });
  assert.deepEqual(codesOf(9_000), []);
  assert.deepEqual(codesOf(8_999), [
    {
      pointer: '/limits/memory_kb',
      code: 'LIMIT_TOO_LOW',
      detail: '8999 is below the 10000 KiB that the runtime itself takes here.',
    },
  ]);
});

test('where no figure is known nothing is refused', () => {
  assert.deepEqual(runtimeFaults(undefined, { memory_kb: 1 }), []);
  assert.deepEqual(runtimeFaults({ run: 10_000 }, {}), []);
});
