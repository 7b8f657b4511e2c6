import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerOf, TRIES, type TrafficDeps } from './asking.js';
import { problemOf, send } from './client.js';
import type { Keyed } from './ledger.js';

/** Sends again what was answered under a key: the answer is the one that it was. */
export async function repeatKeys(deps: TrafficDeps, count: number): Promise<void> {
  const { keyed } = deps.ledger;
  // The youngest, which the kill was nearest to, or any of all.
  const chosen =
    count < 100
      ? keyed.slice(-count)
      : Array.from({ length: Math.min(count, keyed.length) }, () => keyed[randomInt(keyed.length)]);
  for (const one of chosen) if (one !== undefined) await repeat(deps, one);
}

async function repeat({ lives, ledger }: TrafficDeps, one: Keyed): Promise<void> {
  const { tenant, path, key, body, answer } = one;
  for (let at = 1; at <= TRIES; at += 1) {
    const { url } = await lives.current();
    const own = { key: tenant, requestId: `repeat.${key}`, idempotencyKey: key };
    const answered = await send({ url, path, body, ...own }).catch(() => undefined);
    const code = answered && problemOf(answered)?.code;
    if (answered !== undefined && code !== 'IDEMPOTENCY_CONFLICT') {
      ledger.note('repeats');
      const again = code === undefined ? answerOf(path, answered) : code;
      if (again === answer) return await other(lives, one, ledger);
      const said = `${answer.slice(0, 200)}, then ${again.slice(0, 200)}`;
      return ledger.object(`${key} at ${path} was answered as ${said}`);
    }
    await sleep(50);
  }
  ledger.object(`${key} at ${path} has no answer after ${TRIES} tries`);
}

/** Another body under the same key is no repetition. */
async function other(
  lives: TrafficDeps['lives'],
  { tenant, path, key, body }: Keyed,
  ledger: TrafficDeps['ledger'],
): Promise<void> {
  const { url } = await lives.current();
  const own = { key: tenant, requestId: `repeat.${key}`, idempotencyKey: key };
  const answered = await send({ url, path, body: `${body} `, ...own }).catch(() => undefined);
  if (answered === undefined) return;
  const code = problemOf(answered)?.code;
  if (code !== 'IDEMPOTENCY_MISMATCH') ledger.object(`${key} with another body: ${code}`);
}
