import type { DataSet } from '@gozolite/contract/data/data-set';
import type { Level } from '@gozolite/contract/level';
import type { Limits } from '@gozolite/contract/limits';
import type { NetworkPolicy } from '@gozolite/contract/network';
import type { Recipe } from '@gozolite/contract/recipe';
import type { TemplateSharing } from '@gozolite/contract/templates';
import type { WorkspaceFile } from '@gozolite/sandbox/backend';
import type { Span } from '@gozolite/telemetry/tracing/span';

/** What every record starts from, whether or not anything runs. */
export interface Identity {
  /** Made by `makeExecutionId`. */
  readonly id: string;
  readonly requestId: string;
  readonly tenant: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly createdAt: Date;
  /** What its parts are traced below; absent where no traces are sent. */
  readonly span?: Span | undefined;
  /** SHA-256 of the tenant's policy, hex; absent where none is written. */
  readonly policyDigest?: string;
  /** Resolved: in force as they stand. `compile` where the recipe compiles. */
  readonly limits: { readonly run: Limits; readonly compile?: Limits };
}

/** A request that admission let through: validated, resolved, nothing left to default. */
export interface Admitted extends Identity {
  readonly recipe: Recipe;
  readonly files: readonly WorkspaceFile[];
  /** The path among `files` that is compiled or run. */
  readonly entry: string;
  readonly stdin: Uint8Array;
  readonly args: readonly string[];
  /** Of the run only; the compiler's environment is its recipe's. */
  readonly env: Readonly<Record<string, string>>;
  readonly compileArgs: readonly string[];
  readonly artifacts: readonly string[];
  /** What the run may connect to, where the request has a list; the compiler nothing. */
  readonly network?: NetworkPolicy;
  /** Below this nothing of it runs; absent: the server's own floor. */
  readonly isolationFloor?: Level;
  /** Of the tenant's turns in the queue; absent: 1. */
  readonly weight?: number;
  /** Among the tenant's own; absent: 0. */
  readonly priority?: number;
  /** What a runtime that waits for it may have started from; absent: a template of its tenant's. */
  readonly templates?: TemplateSharing;
  /** What the run finds below /data; the compiler nothing. */
  readonly data?: readonly DataSet[];
}

/** A known language whose toolchain the host lacks: there is a record, and nothing runs. */
export interface MissingToolchain extends Identity {
  readonly language: string;
  readonly version: string | null;
  /** What to install. */
  readonly message: string;
}
