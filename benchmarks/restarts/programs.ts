import type { Execution } from '@gozolite/contract/execution';
import { ATTACKS } from '../soak/attacks.js';
import { bash, MIXTURE } from '../soak/mixture.js';
import type { Expected } from './ledger.js';

export interface Program {
  readonly request: object;
  readonly expected: Expected;
}

/** Every so many an attack, and every so many one of each kind of end; others say their number. */
const ATTACK_EVERY = 15;
const OTHERS_EVERY = 3;
const OTHERS = MIXTURE.filter(({ leavesAfterMs }) => leavesAfterMs === undefined);

/** Of a request, by its number: the same number is the same program. */
export function programOf(number: number): Program {
  const labels = { number: String(number) };
  const chosen =
    number % ATTACK_EVERY === 0
      ? ATTACKS[(number / ATTACK_EVERY) % ATTACKS.length]
      : number % OTHERS_EVERY === 0
        ? OTHERS[Math.floor(number / OTHERS_EVERY) % OTHERS.length]
        : undefined;
  if (chosen === undefined) {
    return { request: { ...bash(`echo "number ${number}"`), labels }, expected: ['ok'] };
  }
  return { request: { ...chosen.request, labels }, expected: [chosen.status].flat() };
}

/** Longer than any life is waited for: it is ended by who cancels it, or by a kill. */
export function sleeperOf(number: number): Program {
  const labels = { number: String(number) };
  const limits = { wall_time_ms: 55_000 };
  return { request: { ...bash('sleep 50', limits), labels }, expected: ['cancelled'] };
}

/** What is wrong with a record of this program, whatever its status; undefined where nothing is. */
export function mixedUp(number: number, { id, labels, status, stdout }: Execution) {
  if (labels?.number !== String(number)) return `${id} has labels of another: ${labels?.number}`;
  const says = stdout.startsWith('number ') && stdout !== `number ${number}\n`;
  return status === 'ok' && says ? `${id} of ${number} has another's output` : undefined;
}
