import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import type { HostMemory } from '@gozolite/engine/demand/size';

/** What the host has to give (proc(5), meminfo), and how it stalls (psi.rst of the kernel). */
export function readHostMemory(): HostMemory {
  return {
    totalKb: Math.floor(totalmem() / 1024),
    availableKb: availableKb(readIfThere('/proc/meminfo')),
    stalled: stalled(readIfThere('/proc/pressure/memory')),
  };
}

export function availableKb(meminfo: string): number | undefined {
  return numberIn(/^MemAvailable:\s+(\d+) kB$/m, meminfo);
}

/** Of the line `full`: what one program waits for at its own limit is no want of the host's. */
export function stalled(pressure: string): number | undefined {
  return numberIn(/^full avg10=([\d.]+) /m, pressure);
}

function numberIn(pattern: RegExp, text: string): number | undefined {
  const found = pattern.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** A kernel may be built without one of them, and a container may hide them. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
