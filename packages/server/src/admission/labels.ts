import { REQUEST_BOUNDS } from '@gozolite/contract/execution';
import { type Fault, pointer } from './fault.js';
import { surrogateFault } from './text.js';

/** Labels come back in the record as they were given: short, and whole characters. */
export function labelFaults(labels: Readonly<Record<string, string>>): readonly Fault[] {
  const faults: Fault[] = [];
  for (const [name, value] of Object.entries(labels)) {
    const detail =
      name === ''
        ? 'A label has a name.'
        : (tooLong(name) ?? tooLong(value) ?? surrogateFault(name) ?? surrogateFault(value));
    if (detail === undefined) continue;
    faults.push({ pointer: pointer('labels', name), code: 'INVALID_VALUE', detail });
  }
  return faults;
}

function tooLong(text: string): string | undefined {
  const bytesMax = REQUEST_BOUNDS.labelBytesMax;
  return Buffer.byteLength(text) > bytesMax
    ? `A label's name and its value are at most ${bytesMax} bytes each.`
    : undefined;
}
