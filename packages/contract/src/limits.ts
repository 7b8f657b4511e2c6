import { type Static, Type } from 'typebox';

/** 1 MiB in the unit of every `_kb` member. */
const MIB_KB = 1024;
const GIB_KB = 1024 * MIB_KB;

/** Lowest value that makes sense for each limit: below it no program of any language starts. */
export const LIMIT_FLOORS = {
  wall_time_ms: 1,
  cpu_time_ms: 1,
  memory_kb: MIB_KB,
  stack_kb: 64,
  cpus: 1,
  output_kb: 0,
  disk_kb: 64,
  file_kb: 0,
  processes: 1,
  open_files: 8,
} as const;

/**
 * What one stage may use. `*_kb` is 1,024 bytes, `*_ms` a wall or CPU millisecond.
 * `cpus` is a whole number of cores: affinity and rate. `disk_kb` bounds each writable tmpfs.
 */
export const Limits = Type.Object(
  {
    wall_time_ms: Type.Integer({ description: 'Wall-clock time, milliseconds.' }),
    cpu_time_ms: Type.Integer({ description: 'CPU time of all processes together, milliseconds.' }),
    memory_kb: Type.Integer({
      description: 'Resident memory of all processes together, tmpfs included, KiB.',
    }),
    stack_kb: Type.Integer({ description: 'Stack of the main thread, KiB.' }),
    cpus: Type.Integer({ description: 'Whole CPU cores that the program can use at once.' }),
    output_kb: Type.Integer({ description: 'Output kept of each stream, KiB.' }),
    disk_kb: Type.Integer({ description: 'Size of /work and of /tmp, each, KiB.' }),
    file_kb: Type.Integer({ description: 'Size of one file, KiB.' }),
    processes: Type.Integer({ description: 'Processes and threads at once.' }),
    open_files: Type.Integer({ description: 'Open descriptors of one process.' }),
  },
  { additionalProperties: false },
);
export type Limits = Static<typeof Limits>;
export type LimitName = keyof Limits;

export const LIMIT_NAMES = Object.keys(LIMIT_FLOORS).filter(isLimitName);

export function isLimitName(name: string): name is LimitName {
  return Object.hasOwn(LIMIT_FLOORS, name);
}

export type StageName = 'compile' | 'run';

/** Defaults and ceilings of both stages, before a language file raises a default. */
export interface LimitPolicy {
  readonly run: { readonly defaults: Limits; readonly ceilings: Limits };
  readonly compile: { readonly defaults: Limits; readonly ceilings: Limits };
}

/**
 * The limits of docs/reference/limits.md on a machine of this size.
 * @param cores logical CPUs, at least 1
 * @param ramKb physical memory, KiB: no ceiling is above half of it
 */
export function limitPolicyFor(cores: number, ramKb: number): LimitPolicy {
  const half = Math.floor(ramKb / 2);
  const common = {
    stack_kb: 256 * MIB_KB,
    output_kb: MIB_KB,
    file_kb: 64 * MIB_KB,
    open_files: 1024,
  };
  const highest = {
    stack_kb: GIB_KB,
    cpus: cores,
    output_kb: 16 * MIB_KB,
    disk_kb: GIB_KB,
    file_kb: GIB_KB,
    processes: 512,
    open_files: 4096,
  };
  return {
    run: {
      defaults: {
        ...common,
        wall_time_ms: 10_000,
        cpu_time_ms: 10_000,
        memory_kb: Math.min(256 * MIB_KB, half),
        cpus: 1,
        disk_kb: 64 * MIB_KB,
        processes: 128,
      },
      ceilings: {
        ...highest,
        wall_time_ms: 60_000,
        cpu_time_ms: 60_000,
        memory_kb: Math.min(2 * GIB_KB, half),
      },
    },
    compile: {
      defaults: {
        ...common,
        wall_time_ms: 60_000,
        cpu_time_ms: 60_000,
        memory_kb: Math.min(GIB_KB, half),
        cpus: Math.min(2, cores),
        disk_kb: 256 * MIB_KB,
        processes: 256,
      },
      ceilings: {
        ...highest,
        wall_time_ms: 120_000,
        cpu_time_ms: 120_000,
        memory_kb: Math.min(4 * GIB_KB, half),
      },
    },
  };
}
