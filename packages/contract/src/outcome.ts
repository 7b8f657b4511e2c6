import type { Level } from './level.js';
import type { LimitName } from './limits.js';

/** The steps of making a sandbox, in order: a setup that fails names one of them. */
export const SETUP_STEPS = [
  'workspace',
  'cgroup',
  'loopback',
  'egress',
  'clone',
  'id-map',
  'private-mounts',
  'rootfs',
  'proc',
  'masks',
  'hosts',
  'data',
  'release',
  'identity',
  'parent-death',
  'tmpfs',
  'work',
  'pivot-root',
  'hostname',
  'cgroup-join',
  'cgroup-namespace',
  'init-confine',
  'spawn',
  'session',
  'descriptors',
  'credentials',
  'capabilities',
  'no-new-privileges',
  'landlock',
  'seccomp',
  'orders',
  'affinity',
  'rlimits',
  'exec',
] as const;
export type SetupStep = (typeof SETUP_STEPS)[number];

/**
 * How one command ended. The launcher decides once; no later layer guesses again from exit codes.
 * With `limit-exceeded`, `exitCode` and `signal` still say how the process itself ended
 * (a program that was refused disk exits by itself; one past its time is killed).
 */
export type Outcome =
  | { readonly kind: 'exited'; readonly exitCode: number }
  | { readonly kind: 'signalled'; readonly signal: string }
  | {
      readonly kind: 'limit-exceeded';
      readonly limit: LimitName;
      readonly exitCode: number | null;
      readonly signal: string | null;
    }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'launcher-lost'; readonly reason: string }
  /** Nothing ran: the isolation in force is less than the server's owner accepts. */
  | { readonly kind: 'below-floor'; readonly level: Level; readonly floor: Level }
  | { readonly kind: 'setup-failed'; readonly step: SetupStep | string; readonly errno: string };

/** What one command used: microseconds, and KiB as docs/architecture.md counts memory. */
export interface Usage {
  readonly wallUs: number;
  readonly cpuUs: number;
  readonly memoryKb: number;
  /** Bytes written to each stream until the end, before any cut. */
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
}
