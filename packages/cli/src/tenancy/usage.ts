import type { Usage, UsageWindow } from '@gozolite/contract/tenancy/usage';
import { GozoProblem } from '@gozolite/sdk/errors';
import { align } from '../commands/align.js';
import { write } from '../commands/write.js';
import type { Where } from '../connect.js';
import { clientOf, pretty } from '../kept/kept.js';
import { UsageError } from '../usage-error.js';
import type { UsageFlags } from './usage-program.js';

/** `gozo usage`. @returns the exit code */
export async function usage(where: Where, { json, tenant }: UsageFlags): Promise<number> {
  const used = await clientOf(where)
    .usage(tenant === undefined ? {} : { tenant })
    .catch((error: unknown) => {
      const isKeyless = error instanceof GozoProblem && error.status === 404;
      throw isKeyless ? new UsageError(KEYLESS) : error;
    });
  await write(process.stdout, json ? pretty(used) : shown(used));
  return 0;
}

const KEYLESS = 'this server serves without API keys: it has no tenants, and counts nothing';

const WIDTHS = [7, 14, 16, 16] as const;

/** A line of each window, what was used of which quota; then what is under way. */
export function shown({ tenant, hour, day, month, concurrency, connections }: Usage): string {
  const window = (name: string, { executions, cpu_ms, output_bytes, ends_at }: UsageWindow) => [
    name,
    of(executions.used, executions.quota),
    of(cpu_ms.used, cpu_ms.quota, 1000),
    of(output_bytes.used, output_bytes.quota, 1024),
    ends_at.replace(/\.000Z$/, 'Z'),
  ];
  const rows = [
    ['', 'executions', 'CPU, s', 'output, KiB', 'until'],
    window('hour', hour),
    window('day', day),
    window('month', month),
  ];
  const now = [
    `${of(concurrency.used, concurrency.limit)} executions under way`,
    `${of(connections.used, connections.limit)} connections that wait`,
  ];
  return `tenant ${tenant}\n\n${align(rows, WIDTHS).join('\n')}\n\n${now.join(', ')}\n`;
}

/** `3 of 100`, or `3` where nothing bounds it; in so many of what is counted. */
function of(used: number, quota: number | null, unit = 1): string {
  const text = (value: number) => String(Math.round((value / unit) * 10) / 10);
  return quota === null ? text(used) : `${text(used)} of ${text(quota)}`;
}
