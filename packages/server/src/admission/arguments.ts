import { REQUEST_BOUNDS } from '@gozolite/contract/execution';
import { type Fault, pointer } from './fault.js';
import { surrogateFault } from './text.js';

const ENVIRONMENT_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

export interface Arguments {
  readonly at: readonly string[];
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * What execve(2) could not take: a NUL, half a character, a name that no shell could set, or more
 * than 128 KiB together, each with its ending NUL (which also keeps one below MAX_ARG_STRLEN).
 */
export function argumentFaults({ at, args, env }: Arguments): readonly Fault[] {
  const faults: Fault[] = [];
  let bytes = 0;
  const judge = (where: string, value: string): void => {
    bytes += Buffer.byteLength(value) + 1;
    const detail = value.includes('\0') ? 'It holds a NUL.' : surrogateFault(value);
    if (detail !== undefined) faults.push({ pointer: where, code: 'INVALID_VALUE', detail });
  };
  for (const [index, arg] of args.entries()) judge(pointer(...at, index), arg);
  for (const [name, value] of Object.entries(env)) {
    const where = pointer('env', name);
    bytes += Buffer.byteLength(name) + 1;
    if (!ENVIRONMENT_NAME.test(name)) {
      const detail = 'A name is made of letters, digits and _, and does not begin with a digit.';
      faults.push({ pointer: where, code: 'INVALID_VALUE', detail });
    }
    judge(where, value);
  }
  if (bytes > REQUEST_BOUNDS.argsAndEnvBytesMax) {
    const ceiling = REQUEST_BOUNDS.argsAndEnvBytesMax;
    const detail = `Arguments and environment are ${bytes} bytes, above the ceiling of ${ceiling}.`;
    faults.push({ pointer: pointer(...at), code: 'INVALID_VALUE', detail });
  }
  return faults;
}
