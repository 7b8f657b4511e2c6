import { expect, test } from 'vitest';
import { type ContainerPlan, creationOf, updateOf } from './specification.js';

const LIMITS = {
  ...{ wall_time_ms: 1, cpu_time_ms: 1, memory_kb: 64 * 1024, stack_kb: 64, cpus: 2 },
  ...{ output_kb: 0, disk_kb: 64, file_kb: 0, processes: 64, open_files: 8 },
};

const trees = { root: [], data: [] };

function planOf(limits: Partial<typeof LIMITS> = {}, more: Partial<ContainerPlan> = {}) {
  const image = { id: 'sha256:1', uidBase: 70_000, seccomp: '{}', usr: 'host' } as const;
  const command = { id: 'x', limits: { ...LIMITS, ...limits }, stdin: new Uint8Array() };
  const plan = { image, owner: 'me', runtime: '', uid: 70_001, command, layerBytes: 0, trees };
  return { ...plan, ...more };
}

test('a container has no network, no capability, no privilege and no swap', () => {
  expect(creationOf(planOf())).toMatchObject({
    User: '70001:70001',
    HostConfig: {
      NetworkMode: 'none',
      CapDrop: ['ALL'],
      Privileged: false,
      ReadonlyRootfs: true,
      SecurityOpt: ['no-new-privileges', 'seccomp={}'],
      Memory: 65.5 * 1024 * 1024,
      MemorySwap: 65.5 * 1024 * 1024,
      PidsLimit: 65,
      NanoCpus: 2e9,
      Binds: ['/usr:/usr:ro'],
    },
  });
});

test('limits that no runtime could start in come after the start', () => {
  expect(updateOf(planOf())).toBeUndefined();
  const few = planOf({ processes: 1 });
  expect(creationOf(few)).toMatchObject({ HostConfig: { PidsLimit: 48 } });
  expect(updateOf(few)).toMatchObject({ PidsLimit: 2 });
  const little = planOf({ memory_kb: 1024 });
  expect(creationOf(little)).toMatchObject({ HostConfig: { Memory: 32 * 1024 * 1024 } });
  expect(updateOf(little)).toMatchObject({ Memory: 2.5 * 1024 * 1024 });
});

test("a compile's output is no part of the run's disk and memory", () => {
  const tmpfs = creationOf(planOf({}, { layerBytes: 1024 * 1024 }));
  expect(tmpfs).toMatchObject({
    HostConfig: {
      Memory: 66.5 * 1024 * 1024,
      Tmpfs: {
        '/work': expect.stringContaining(',size=1088k,'),
        '/tmp': expect.stringMatching('=64k'),
      },
    },
  });
});

test("an image with a /usr of its own gets none of the host's, and a runtime is named", () => {
  const image = { ...planOf().image, usr: 'image' } as const;
  const made = creationOf(planOf({}, { image, runtime: 'runsc' }));
  expect(made).toMatchObject({ HostConfig: { Runtime: 'runsc' } });
  expect(made).not.toHaveProperty('HostConfig.Binds');
});

test("a pack's tree takes the place of the host's /usr, and data sets come beside it", () => {
  const usr = { Type: 'bind', Source: '/p/usr', Target: '/usr', ReadOnly: true } as const;
  const iris = { Type: 'bind', Source: '/p/data', Target: '/data/iris', ReadOnly: true } as const;
  const made = creationOf(planOf({}, { trees: { root: [usr], data: [iris] } }));
  expect(made).toMatchObject({ HostConfig: { Mounts: [usr, iris] } });
  expect(made).not.toHaveProperty('HostConfig.Binds');
});
