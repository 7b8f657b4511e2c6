import { LAYERS } from '@gozolite/contract/execution';
import { expect, test } from 'vitest';
import { type Facts, isolationOf, lacking, parseFacts } from './facts.js';

const UID = 70_000;
const FINE: Facts = {
  kernel: '6.1',
  architecture: 'x86_64',
  cgroup: 'v2',
  uid: UID,
  mappedUids: false,
  namespaces: { ipc: 1, uts: 2, user: 3, pid: 4, cgroup: 5 },
  interfaces: ['lo'],
  capabilities: '0',
  noNewPrivileges: true,
  engineSeccomp: true,
  readOnlyRoot: true,
  landlock: true,
  memoryBytes: 1,
  pids: 1,
  cpu: true,
};

test('a container that has all lacks the user namespace alone, and says so', () => {
  const { level, layers, missing } = isolationOf(FINE, UID);
  expect(level).toBe('container');
  expect(missing.map(({ layer }) => layer)).toEqual(['user-namespace']);
  expect(layers.length).toBe(LAYERS.length - 1);
  expect(lacking(FINE, UID)).toEqual([]);
});

const absences: readonly [string, Partial<Facts>][] = [
  ['cgroup-memory', { memoryBytes: null }],
  ['cgroup-pids', { pids: null }],
  ['pid-namespace', { namespaces: { ...FINE.namespaces, pid: 0xefff_fffc } }],
  ['network-namespace', { interfaces: ['lo', 'eth0'] }],
  ['own-uid', { uid: 0 }],
  ['rootfs', { readOnlyRoot: false }],
  ['capabilities', { capabilities: '400' }],
  ['no-new-privileges', { noNewPrivileges: false }],
];
for (const [layer, less] of absences) {
  test(`nothing runs without ${layer}`, () => {
    expect(lacking({ ...FINE, ...less }, UID)).toEqual([layer]);
  });
}

test('what only the host can lack is told and does not stop a program', () => {
  const less = { ...FINE, landlock: false, cpu: false };
  expect(lacking(less, UID)).toEqual([]);
  const missing = isolationOf(less, UID).missing.map(({ layer }) => layer);
  expect(missing).toEqual(['cgroup-cpu', 'user-namespace', 'landlock']);
});

test('a greeting without a fact is no greeting', () => {
  expect(() => parseFacts({ inside: { uid: 1 } })).toThrow('kernel');
  expect(() => parseFacts({})).toThrow('inside');
});
