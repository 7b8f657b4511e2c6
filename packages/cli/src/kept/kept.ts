import type { KeptExecution } from '@gozolite/contract/kept/kept';
import { unreachable } from '@gozolite/contract/result';
import { Gozo } from '@gozolite/sdk/gozo';
import { print, type RunOptions, requestFor } from '../commands/run.js';
import { write } from '../commands/write.js';
import { DEFAULT_URL, type Where } from '../connect.js';
import { exitCodeOf } from '../exit-code.js';
import { UsageError } from '../usage-error.js';
import type { KeptFlags, KeptRequest } from './program.js';

/** `gozo submit`: prints the id, and does not wait. @returns the exit code */
export async function submit(
  where: Where,
  options: RunOptions,
  signal: AbortSignal,
): Promise<number> {
  const gozo = clientOf(where);
  // Artifacts come with the record, wherever that is put: no folder has to be named for them.
  const request = await requestFor(gozo, { ...options, json: true });
  const { requestId, webhook, idempotencyKey } = options;
  const told = webhook === undefined ? request : { ...request, webhook };
  const accepted = await gozo.submit(told, {
    ...{ signal, ...(requestId && { requestId }) },
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  });
  await write(process.stdout, options.json ? pretty(accepted) : `${accepted.id}\n`);
  return 0;
}

/** `gozo executions …`. @returns the exit code: of `wait` the program's own */
export async function kept(
  where: Where,
  { json = false }: KeptFlags,
  request: KeptRequest,
  signal: AbortSignal,
): Promise<number> {
  const gozo = clientOf(where);
  switch (request.kind) {
    case 'list': {
      const { kind, ...query } = request;
      const given = Object.entries(query).filter(([, value]) => value !== undefined);
      const list = await gozo.executions(Object.fromEntries(given), { signal });
      const lines = list.executions.map(lineOf);
      await write(process.stdout, json ? pretty(list) : lines.join(''));
      return 0;
    }
    case 'show': {
      await write(process.stdout, pretty(await gozo.execution(request.id, { signal })));
      return 0;
    }
    case 'wait': {
      const record = await gozo.wait(request.id, { signal });
      await print(record, { json, out: undefined });
      return exitCodeOf(record);
    }
    case 'cancel': {
      const ended = await gozo.cancel(request.id, { signal });
      await write(process.stdout, json ? pretty(ended) : lineOf(ended));
      return 0;
    }
    default:
      return unreachable(request);
  }
}

export function clientOf({ url = DEFAULT_URL, key }: Where): Gozo {
  if (!URL.canParse(url)) throw new UsageError(`"${url}" is no URL, as ${DEFAULT_URL} is`);
  return new Gozo({ url, ...(key === undefined ? {} : { key }) });
}

function lineOf({ id, state, status, language, created_at }: KeptExecution): string {
  return `${id}  ${created_at}  ${state.padEnd(9)}  ${(status ?? '-').padEnd(21)}  ${language}\n`;
}

export function pretty(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
