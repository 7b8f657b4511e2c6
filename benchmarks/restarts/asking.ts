import { setTimeout as sleep } from 'node:timers/promises';
import { type Answered, batchIn, keptIn, problemOf, send } from './client.js';
import type { Ledger } from './ledger.js';
import type { Lives } from './lives.js';

export interface Tenant {
  readonly id: string;
  readonly key: string;
  readonly webhook: string;
}

export interface TrafficDeps {
  readonly lives: Lives;
  readonly ledger: Ledger;
  readonly tenants: readonly [Tenant, Tenant];
  /** One that asks faster than it may, and one that has little to spend. */
  readonly hasty: Tenant;
  readonly poor: Tenant;
}

/** A request of the soak, by its number. */
export interface Asked extends TrafficDeps {
  readonly number: number;
  readonly tenant: Tenant;
}

/** Answers that say "again": no life takes longer to come back than all of them. */
export const TRIES = 400;
const AGAIN_MS = 50;

interface Sent {
  readonly way: 'plain' | 'kept';
  readonly at?: number;
  readonly signal?: AbortSignal;
  readonly key?: string;
}

/** @returns undefined where no answer came: nothing was promised */
export async function once(
  { lives, ledger, tenant, number }: Asked,
  path: string,
  request: object,
  { way, at = 0, signal, key }: Sent,
): Promise<Answered | undefined> {
  const { url } = await lives.current();
  const body = JSON.stringify(request);
  const own = { requestId: requestId(way, number, at), idempotencyKey: key, signal };
  try {
    const answered = await send({ url, path, key: tenant.key, body, ...own });
    ledger.note('answered');
    return answered;
  } catch {
    ledger.note('unanswered');
    return undefined;
  }
}

export const keyOf = (number: number): string => `soak-key-${number}`;

/** The same key with the same body, by one life and the next, until there is an answer. */
export async function untilAnswered(
  asked: Asked,
  path: string,
  request: object,
): Promise<Answered | undefined> {
  const { ledger, number, tenant } = asked;
  const key = keyOf(number);
  for (let at = 1; at <= TRIES; at += 1) {
    const answered = await once(asked, path, request, { way: 'kept', at, key });
    const code = answered && problemOf(answered)?.code;
    if (answered !== undefined && code === undefined) {
      const body = JSON.stringify(request);
      ledger.first({ tenant: tenant.key, path, key, body, answer: answerOf(path, answered) });
      return answered;
    }
    if (answered !== undefined && code !== 'IDEMPOTENCY_CONFLICT') {
      ledger.object(`${key} at ${path}: ${answered.text.slice(0, 300)}`);
      return undefined;
    }
    ledger.note('repeats');
    await sleep(AGAIN_MS);
  }
  ledger.object(`${key} at ${path} has no answer after ${TRIES} tries`);
  return undefined;
}

/** What has to be the same however often it is asked for. */
export function answerOf(path: string, answered: Answered): string {
  if (path === '/executions') return keptIn(answered).id;
  if (path === '/execute') return answered.text;
  return batchIn(answered)
    .executions.map(({ execution }) => execution?.id)
    .join(' ');
}

const requestId = (way: 'plain' | 'kept', number: number, at = 0) => `${way}.${number}.${at}`;

/** By one life and the next, until it is answered; for what changes nothing when done again. */
export async function get(
  { lives, tenant, number, ledger }: Asked,
  path: string,
  method: 'GET' | 'DELETE' = 'GET',
): Promise<Answered | undefined> {
  for (let at = 1; at <= TRIES; at += 1) {
    const { url } = await lives.current();
    const own = { key: tenant.key, requestId: requestId('kept', number, 1000 + at) };
    const answered = await send({ url, method, path, ...own }).catch(() => undefined);
    if (answered?.http === 200) return answered;
    if (answered !== undefined) {
      ledger.object(`${method} ${path}: ${answered.http} ${answered.text.slice(0, 300)}`);
      return undefined;
    }
    await sleep(AGAIN_MS);
  }
  ledger.object(`${method} ${path} has no answer after ${TRIES} tries`);
  return undefined;
}
