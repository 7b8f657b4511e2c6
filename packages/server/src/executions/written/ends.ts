import { setTimeout as sleep } from 'node:timers/promises';
import type { Execution } from '@gozolite/contract/execution';
import type { Admitted } from '@gozolite/engine/admitted';
import { endExecution, findExecution } from '@gozolite/store/executions';
import type { Database } from '@gozolite/store/sql';
import { NO_AMOUNTS } from '@gozolite/store/usage';
import type { Logger } from '@gozolite/telemetry/logger';
import type { Held } from '@gozolite/tenancy/usage/meter';
import { usedSince } from '../../admission/usage/spend.js';
import { textOf } from '../../http/pieces.js';
import type { Lead } from '../living.js';
import { bareOf } from './bare.js';
import type { Row } from './rows.js';

export interface EndsDeps {
  readonly store: Database;
  readonly log: Logger;
  /** Aborted where there is no more time to wait for a store. */
  readonly closing: AbortSignal;
}

/** One that has its place. */
export interface Ending {
  readonly admitted: Admitted;
  readonly row: Row;
  readonly lead: Pick<Lead, 'startedAt'>;
  readonly held: Held;
  /** Of what its program and input took of memory. */
  readonly giveBack: () => void;
  /** Its output is not to be written down. */
  readonly isBare: boolean;
  /** Whether it was written down that it was accepted. */
  readonly mayStart: Promise<boolean>;
}

const WRITE_TRIES = 60;
const WRITE_STEP_MS_MAX = 5000;

/**
 * What an execution used, and its end, are written down before anybody is told of it: whatever
 * is told, by an answer, an event, a webhook or the audit log, is what the store has, and the next
 * life tells the same where this one is killed (docs/adr/0095).
 * @returns what takes its record, and gives it as it is written down
 */
export function keepFor(deps: EndsDeps, ending: Ending) {
  const { admitted, held, giveBack, mayStart } = ending;
  let beganMs = 0;
  void mayStart.then(() => {
    beganMs = performance.now();
  });
  return async (execution: Execution): Promise<Execution> => {
    giveBack();
    const isAccepted = await mayStart;
    held.settle(isAccepted ? usedSince(beganMs, execution, admitted) : NO_AMOUNTS);
    if (!isAccepted) return execution;
    const storing = admitted.span?.begin('store');
    const kept = await writeEnd(deps, ending, execution);
    storing?.end();
    return kept;
  };
}

/** A store that is away may come back; where it does not, the next start ends it. */
async function writeEnd(
  { store, log, closing }: EndsDeps,
  { row, lead, isBare }: Ending,
  execution: Execution,
): Promise<Execution> {
  const { id, tenant } = row;
  const written = isBare ? bareOf(execution) : execution;
  const record = await textOf(written);
  const end = { startedAt: lead.startedAt(), status: execution.status, record, isBare };
  for (let tries = 1; tries <= WRITE_TRIES; tries += 1) {
    try {
      if (await endExecution(store, id, { ...end, at: Date.now() })) return execution;
      // Somebody took this server for dead, and ended it; or its tenant is erased.
      const other = await findExecution(store, tenant, id);
      return other === undefined ? execution : recordIn(other.record);
    } catch (error) {
      log.error({ executionId: id, error, count: tries }, 'an end was not written down');
      if (closing.aborted && tries > 3) break;
    }
    const stepMs = Math.min(WRITE_STEP_MS_MAX, 50 * 2 ** tries);
    await sleep(stepMs, undefined, { signal: closing }).catch(() => undefined);
  }
  return recordIn(row.record);
}

/** What was written is a record: nothing else is. */
function recordIn(text: string): Execution {
  return JSON.parse(text) as Execution;
}
