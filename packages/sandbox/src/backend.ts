import type { Diagnostics, Finding } from '@gozolite/contract/capabilities';
import type { DataSet } from '@gozolite/contract/data/data-set';
import type { Isolation } from '@gozolite/contract/execution';
import type { Level } from '@gozolite/contract/level';
import type { LimitName, Limits } from '@gozolite/contract/limits';
import type { Connection, NetworkPolicy } from '@gozolite/contract/network';
import type { Outcome, Usage } from '@gozolite/contract/outcome';
import type { LaunchRecipe } from '@gozolite/contract/recipe';
import type { Interaction } from './interaction.js';

export interface WorkspaceFile {
  /** Relative to /work, already validated: no empty, `.` or `..` segment. */
  readonly path: string;
  readonly content: Uint8Array;
  readonly executable: boolean;
}

/** The frozen output of a compile, for the runs that name it. Disposing of it frees it. */
export interface Layer extends AsyncDisposable {
  readonly handle: string;
}

/** One command to confine: everything decided, nothing defaulted. */
export interface SandboxCommand {
  /** For logs and diagnosis: the execution's id and the stage. */
  readonly id: string;
  readonly recipe: LaunchRecipe;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly limits: Limits;
  readonly files: readonly WorkspaceFile[];
  readonly stdin: Uint8Array;
  readonly layer?: Layer;
  readonly keepOutput: boolean;
  readonly artifacts: readonly string[];
  /** What it may connect to; absent: nothing. */
  readonly network?: NetworkPolicy;
  /** What it finds below /data; absent: nothing. */
  readonly data?: readonly DataSet[];
  /** Below this it does not run, whatever the floor of the server is (floor.ts). */
  readonly floor?: Level;
}

export interface OutputChunk {
  readonly stream: 'stdout' | 'stderr';
  /** Microseconds since the program could run. */
  readonly timeUs: number;
  readonly bytes: Uint8Array;
}

export interface SandboxArtifact {
  readonly path: string;
  readonly content: Uint8Array;
}

export interface SandboxResult {
  readonly outcome: Outcome;
  readonly usage: Usage;
  readonly limitsHit: readonly LimitName[];
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly truncated: { readonly stdout: boolean; readonly stderr: boolean };
  readonly artifacts: readonly SandboxArtifact[];
  /** With a network, and an end of the launcher's own. */
  readonly connections?: readonly Connection[];
  readonly layer?: Layer;
  /** Milliseconds that making the sandbox took, until the program could run; null: it never did. */
  readonly prepareMs: number | null;
  /** Of `performance.now()`, as it was told that the program could run; absent: it was not. */
  readonly startedAtMs?: number;
  /** The sandbox was made before it was asked for. */
  readonly prepared: boolean;
}

/** Sandboxes to keep ready for requests like this one. */
export interface PoolLine {
  readonly recipe: LaunchRecipe;
  /** The first arguments of such a request, as many as the recipe's boot takes. */
  readonly args: readonly string[];
  readonly keepOutput: boolean;
  readonly count: number;
  readonly limits: Limits;
}

/** crates/sandboxd/src/protocol/pool.rs has these too. */
export const POOL_BOUNDS = { lines: 128, count: 64 } as const;

/** What is ready of one line; the memory is of all of these together. */
export interface PoolKept {
  readonly ready: number;
  /** So many of these started from a template. */
  readonly templated: number;
  readonly memoryKb: number;
}

export interface BackendDiagnosis {
  readonly kernel: string;
  readonly architecture: string;
  readonly cgroup: Diagnostics['cgroup'];
  readonly isolation: Isolation;
  readonly findings: readonly Finding[];
  /** Sandboxes whose end was told and that are not gone yet. */
  readonly leaving: number;
  readonly quarantined: number;
}

export interface RunOptions {
  /** Aborting it kills the sandbox at once; the outcome is then `cancelled`. */
  readonly signal: AbortSignal;
  /** Output as it arrives, in order. */
  readonly onOutput?: (chunk: OutputChunk) => void;
  /** For a backend that `talks`. */
  readonly interaction?: Interaction;
}

/** Makes sandboxes. Every call ends in an outcome; none throws for what a program does. */
export interface Backend extends AsyncDisposable {
  readonly name: string;
  /** Its programs can be talked to while they run. */
  readonly talks?: boolean;
  run(command: SandboxCommand, options: RunOptions): Promise<SandboxResult>;
  /** @throws BackendUnavailable where the launcher can't be reached. */
  diagnose(): Promise<BackendDiagnosis>;
  /**
   * Says what to keep ready, in place of what was said before; absent where nothing can be.
   * @param ageMs after which a sandbox that waits is replaced
   * @returns what is ready now, line by line
   * @throws BackendUnavailable where the launcher can't be reached, or did not accept it
   */
  keepReady?(lines: readonly PoolLine[], ageMs: number): Promise<readonly PoolKept[]>;
}

export class BackendUnavailable extends Error {
  override readonly name = 'BackendUnavailable';
}
