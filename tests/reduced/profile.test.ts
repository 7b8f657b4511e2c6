import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

/** deploy/docker/seccomp.json stands around the launcher's own filter: hardly wider. */
const ROOT = process.cwd();

interface Profile {
  readonly defaultAction: string;
  readonly syscalls: readonly { readonly comment: string; readonly names: readonly string[] }[];
}

interface Policy {
  readonly groups: readonly { readonly action: string; readonly syscalls: readonly string[] }[];
  readonly checks: readonly { readonly syscalls: readonly string[] }[];
}

const profile = read<Profile>('deploy/docker/seccomp.json');
const allowed = new Set(profile.syscalls.flatMap(({ names }) => names));

/** What would make a container of it a lesser one than Docker's own. */
const NEVER = [
  'bpf',
  'ptrace',
  'process_vm_readv',
  'process_vm_writev',
  'perf_event_open',
  'userfaultfd',
  'io_uring_setup',
  'keyctl',
  'add_key',
  'request_key',
  'init_module',
  'finit_module',
  'kexec_load',
  'open_by_handle_at',
  'reboot',
  'swapon',
  'settimeofday',
  'syslog',
];

function read<T>(path: string): T {
  return JSON.parse(readFileSync(join(ROOT, path), 'utf8'));
}

function wordsOf(lines: readonly string[]): string[] {
  return lines.flatMap((line) => line.split(' ')).filter((word) => word !== '');
}

describe.each(['x86_64', 'aarch64'])('of %s', (architecture) => {
  const policy = read<Policy>(`crates/sandboxd/policies/seccomp/${architecture}.json`);
  const made = policy.groups.filter(({ action }) => action === 'allow');

  test('every call that a program may make is in the profile', () => {
    const names = [...made, ...policy.checks].flatMap(({ syscalls }) => wordsOf(syscalls));
    expect(names.filter((name) => !allowed.has(name))).toEqual([]);
  });
});

test('everything else is refused, and what is dangerous is not named', () => {
  expect(profile.defaultAction).toBe('SCMP_ACT_ERRNO');
  expect(NEVER.filter((name) => allowed.has(name))).toEqual([]);
});

test('each group says why', () => {
  for (const { comment } of profile.syscalls) expect(comment.length).toBeGreaterThan(20);
});
