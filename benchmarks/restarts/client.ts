import type { Execution } from '@gozolite/contract/execution';
import type { BatchAnswer, KeptExecution } from '@gozolite/contract/kept/kept';
import type { Problem } from '@gozolite/contract/refusal';

export interface Sending {
  readonly url: string;
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly key: string;
  readonly requestId: string;
  readonly body?: string;
  readonly idempotencyKey?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Answered {
  readonly http: number;
  readonly text: string;
}

/** One request over HTTP, as any client sends it. Rejects where no whole answer came. */
export async function send(sending: Sending): Promise<Answered> {
  const { url, method = 'POST', path, key, requestId, body, idempotencyKey, signal } = sending;
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      'x-request-id': requestId,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    },
    ...(body === undefined ? {} : { body }),
    ...(signal === undefined ? {} : { signal }),
  });
  return { http: answer.status, text: await answer.text() };
}

export function problemOf({ text }: Answered): Problem | undefined {
  const value: Problem | Execution = JSON.parse(text);
  return 'code' in value ? value : undefined;
}

export const recordIn = ({ text }: Answered): Execution => JSON.parse(text);
export const keptIn = ({ text }: Answered): KeptExecution => JSON.parse(text);
export const batchIn = ({ text }: Answered): BatchAnswer => JSON.parse(text);
