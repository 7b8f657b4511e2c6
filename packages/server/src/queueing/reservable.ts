import { totalmem } from 'node:os';
import { limitPolicyFor } from '@gozolite/contract/limits';
import type { Reservation } from '@gozolite/engine/queue/room';
import type { IntegerReader } from '../pool/settings.js';

/** Slots, and the machine that they are on. */
export interface Machine {
  readonly concurrency: number;
  readonly cores: number;
  /** What the machine has, or what the group gives that we are in. */
  readonly memoryKb: number;
}

const MIB_KB = 1024;
/** The rest is the host's, ours, and of what is kept ready. */
const SHARE = 0.8;

/**
 * What executions may reserve together: docs/reference/service/queue.md. Unless it is set, every
 * slot has room for what an execution gets that asks for nothing.
 */
export function readReservable(read: IntegerReader, machine: Machine): Reservation {
  const { concurrency, cores, memoryKb } = machine;
  const { run, compile } = limitPolicyFor(cores, memoryKb);
  const slotKb = Math.max(run.defaults.memory_kb, compile.defaults.memory_kb);
  const slotCpus = Math.max(run.defaults.cpus, compile.defaults.cpus);
  const memoryMb = read.integer('GOZO_RESERVABLE_MEMORY_MB', {
    ...{ min: 1, max: 16_777_216 },
    fallback: Math.ceil(Math.max(SHARE * memoryKb, concurrency * slotKb) / MIB_KB),
  });
  const cpus = read.integer('GOZO_RESERVABLE_CPUS', {
    ...{ min: 1, max: 65_536 },
    fallback: Math.max(cores, concurrency * slotCpus),
  });
  return { memoryKb: memoryMb * MIB_KB, cpus };
}

/** A container may have less than its machine (cgroups(7), memory.max). */
export function memoryHereKb(total = totalmem(), given = process.constrainedMemory()): number {
  return Math.floor((given > 0 && given < total ? given : total) / 1024);
}
