import type { Limits } from './limits.js';

/**
 * What the launcher is told of a stage, ahead of any request, and knows by its digest.
 * It says nothing of a language: a rootfs, the fixed part of a command, the fixed environment.
 */
export interface LaunchRecipe {
  /** SHA-256 (hex) of the canonical JSON of the other members. */
  readonly digest: string;
  /** 'host' is /usr and /usr/local; else a pack's digest, below the launcher's own --packs. */
  readonly rootfs: string;
  /** Absolute program and its leading arguments that no request changes. At least one element. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Absent where nothing of it can be started before its request. */
  readonly boot?: Boot;
}

/** A runtime that starts ahead of its request and waits where it would read the program. */
export interface Boot {
  /** The first `args` arguments of a request follow. */
  readonly command: readonly string[];
  readonly args: number;
  /** Which of these names the program, where the runtime opens its file before it waits. */
  readonly opens?: number;
  /** Variables that it can't take on, `A*` all that begin so: a request with one starts cold. */
  readonly keeps_env?: readonly string[];
  /** It can be told no arguments but the first `args`: a request with more starts cold. */
  readonly keeps_args?: true;
  /** It makes the file `ready` in its folder when it waits; until then nobody gets it. */
  readonly says_ready?: true;
  /** What this file holds meanwhile; absent: nothing. */
  readonly blank?: string;
  readonly env: Readonly<Record<string, string>>;
  /** Its state can be kept, and others started from it (docs/adr/0054). */
  readonly template?: true;
  /** Whose that is; two recipes never share one (docs/adr/0093). */
  readonly owner?: string;
  /** Of the file below /work/.gozo-boot that makes it wait, and removes itself. */
  readonly name?: string;
  readonly program?: string;
  /**
   * In place of a file: the call of its start that it is stopped at, getuid(2) or the first that
   * names its program. It serves requests with no other arguments and no environment of their own.
   */
  readonly holds?: 'getuid' | 'program';
}

/**
 * One stage of a recipe. `args` are templates, expanded for each request by the languages package
 * and appended to `launch.command`; `env` likewise, over `launch.env`.
 */
export interface StageRecipe {
  readonly launch: LaunchRecipe;
  /** The same, with libraries loaded ahead, for programs that load them: the first that fits. */
  readonly loads?: readonly Load[];
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Defaults that the language file raises. */
  readonly limits: Partial<Limits>;
}

export interface Load {
  /** Words that a line of such a program begins with. */
  readonly lines: readonly string[];
  readonly launch: LaunchRecipe;
}

export interface Toolchain {
  /** 'host', or the name of the pack that provides it. */
  readonly source: string;
  readonly version: string;
  readonly digest?: string;
}

/** How what a compiler says of a program is read: docs/reference/languages.md, diagnostics. */
export interface DiagnosticRule {
  /** With the groups severity, message, file, line, column and caret. */
  readonly pattern: string;
  /** Patterns of lines that follow, in this order; all must be found. */
  readonly next?: readonly string[];
  /** Where no group says it; else an error. */
  readonly severity?: 'error' | 'warning' | 'note';
  /** 0 where the compiler counts columns from there; else from 1. */
  readonly columns_from?: 0;
}

/** One version and variant of one language, resolved: all that engine and backends ever see. */
export interface Recipe {
  readonly language: string;
  readonly version: string;
  readonly toolchain: Toolchain;
  /** File name that `code` is written to, relative to /work. */
  readonly source: string;
  readonly compile?: StageRecipe;
  readonly run: StageRecipe;
  /** Absent where nothing is known of the compiler's words. */
  readonly diagnostics?: readonly DiagnosticRule[];
}
