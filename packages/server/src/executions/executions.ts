import type { Execution } from '@gozolite/contract/execution';
import type { KeptExecution } from '@gozolite/contract/kept/kept';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import type { Admitted } from '@gozolite/engine/admitted';
import type { Asking, Engine, Underway } from '@gozolite/engine/engine';
import type { Patience } from '@gozolite/engine/queue/queue';
import { insertExecutions, startExecution } from '@gozolite/store/executions';
import type { Claim, Claimed } from '@gozolite/store/idempotency';
import type { Database } from '@gozolite/store/sql';
import { NO_AMOUNTS } from '@gozolite/store/usage';
import type { Logger } from '@gozolite/telemetry/logger';
import type { Policy } from '@gozolite/tenancy/policy/policy';
import type { Held, Meter } from '@gozolite/tenancy/usage/meter';
import { mostOf } from '../admission/usage/spend.js';
import { type BodyBudget, createBodyBudget } from '../http/body-budget.js';
import { endOf, spanOf, withOwnSpan } from '../observing/tracing/executions.js';
import { endWith } from '../observing/tracing/parts.js';
import type { Happenings } from './happened/happenings.js';
import { createRecent, type Recent } from './happened/recent.js';
import { bothOf, createLiving, type Lead, type Living } from './living.js';
import type { ExecutionSettings } from './settings.js';
import { shownOf } from './shown.js';
import { keepFor } from './written/ends.js';
import { deliveryOf, endedRow, newRow, type Row } from './written/rows.js';

export interface ExecutionsDeps {
  readonly store: Database;
  /** Of this server, the same at its next start. */
  readonly server: string;
  readonly settings: Pick<ExecutionSettings, 'waiting'>;
  readonly engine: Engine;
  readonly meter: Meter;
  readonly log: Logger;
  /** The end of an execution is written down whose webhook is to be told. */
  readonly onTold: (execution: string) => void;
}

/** One request of several that are accepted together, or why it is none. */
export type Submission = Result<Submitted, Refusal>;

export type Submitted = (
  | {
      readonly kind: 'admitted';
      readonly admitted: Admitted;
      readonly policy: Policy;
      /** Who looks on, and talks to it, besides. */
      readonly with?: Pick<Asking, 'watch' | 'interaction'>;
    }
  /** Nothing can run: it has ended as it is accepted. */
  | { readonly kind: 'missing'; readonly record: Execution }
) & {
  /** By its id: who is told of the end. */
  readonly webhook?: string;
};

/** What became of one. */
export type Taken =
  | { readonly kind: 'living'; readonly living: Living; readonly headers: Held['headers'] }
  | { readonly kind: 'ended'; readonly shown: KeptExecution; readonly record: Execution };

export type Accepted =
  | { readonly kind: 'taken'; readonly taken: readonly Result<Taken, Refusal>[] }
  /** The key was used before. */
  | { readonly kind: 'known'; readonly known: Claimed };

/** Of the key that they were sent under. */
export type KeyFor = (taken: readonly Result<Taken, Refusal>[]) => Claim | undefined;

/** Executions that go on without their callers. */
export interface Executions {
  /** Each is written down before this resolves, or none is. Nothing of one runs before that. */
  accept(submissions: readonly Submission[], patience: Patience, keyFor: KeyFor): Promise<Accepted>;
  /** Of this tenant, as long as its end is not written down. */
  living(tenant: string, id: string): Living | undefined;
  /** What happened to one of this tenant that ended a moment ago. */
  past(tenant: string, id: string): Happenings | undefined;
  /** Resolves when every end is written down, or can't be. */
  settled(): Promise<void>;
}

/** Of programs and inputs of executions that wait. */
const CONTENT_BYTES_MAX = 512 * 1024 * 1024;

export function createExecutions(deps: ExecutionsDeps): Executions {
  const living = new Map<string, Lead>();
  const closing = new AbortController();
  const house: House = {
    ...deps,
    living,
    closing: closing.signal,
    recent: createRecent(() => performance.now()),
    budget: createBodyBudget(CONTENT_BYTES_MAX),
  };
  return {
    living: (tenant, id) => {
      const found = living.get(id);
      return found?.tenant === tenant ? found : undefined;
    },
    past: house.recent.of,
    settled: async () => {
      closing.abort();
      await Promise.all([...living.values()].map(({ over }) => over));
    },
    accept: async (submissions, patience, keyFor) => {
      const going: Going[] = [];
      const begun: Result<Begun, Refusal>[] = [];
      let known: Claimed | undefined;
      let isWritten = false;
      try {
        for (const each of submissions) {
          const one = await begin(house, each, patience);
          begun.push(one);
          if (one.ok && one.value.going !== undefined) going.push(one.value.going);
        }
        const storing = spanOf(submissions)?.begin('store');
        known = await write(house, begun, keyFor(begun.map(takenOf)));
        storing?.end();
        isWritten = known === undefined;
      } finally {
        if (!isWritten) await Promise.all(going.map(giveUp));
      }
      if (known !== undefined) return { kind: 'known', known };
      for (const each of going) void lead(house, each);
      for (const each of begun) if (each.ok) tellIfOver(house, each.value);
      return { kind: 'taken', taken: begun.map(takenOf) };
    },
  };
}

function takenOf(begun: Result<Begun, Refusal>): Result<Taken, Refusal> {
  return begun.ok ? ok(begun.value.taken) : begun;
}

interface House extends ExecutionsDeps {
  readonly living: Map<string, Lead>;
  readonly closing: AbortSignal;
  readonly recent: Recent;
  readonly budget: BodyBudget;
}

interface Begun {
  readonly taken: Taken;
  readonly row: Row;
  readonly webhook: string | undefined;
  /** Absent where it has ended already. */
  readonly going?: Going;
}

/** One that has its place, and may not start yet. */
interface Going {
  readonly admitted: Admitted;
  readonly webhook: string | undefined;
  readonly lead: Lead;
  readonly underway: Underway;
  /** It is written down, or it never is: then nothing of it runs. */
  readonly start: (isAccepted: boolean) => void;
}

async function begin(
  house: House,
  submission: Submission,
  patience: Patience,
): Promise<Result<Begun, Refusal>> {
  if (!submission.ok) return submission;
  const submitted = submission.value;
  const { webhook } = submitted;
  if (submitted.kind === 'missing') {
    const { record } = submitted;
    const row = await endedRow(house, record);
    return ok({ taken: { kind: 'ended', shown: shownOf(row), record }, row, webhook });
  }
  const { admitted: asked, policy } = submitted;
  const giveBack = house.budget.take(contentBytes(asked));
  if (giveBack === undefined) return refuse(TOO_MUCH_WAITS);
  const { id: execution, tenant } = asked;
  const charging = asked.span?.begin('quota');
  const held = await house.meter.begin({ execution, tenant, policy, ...mostOf(asked) });
  endWith(charging, held);
  if (!held.ok) {
    giveBack();
    return held;
  }
  const admitted = withOwnSpan(asked, patience);
  const row = newRow(house, admitted);
  const lead = createLiving(row, (at) => {
    void startExecution(house.store, row.id, at).catch((error: unknown) => {
      house.log.error({ executionId: row.id, error }, 'a start was not written down');
    });
  });
  let start: Going['start'] = () => {};
  const mayStart = new Promise<boolean>((resolve) => {
    start = resolve;
  });
  const isBare = policy.retention.outputMs === 0;
  const ending = { admitted, row, lead, held: held.value, giveBack, isBare, mayStart };
  const { watch, ...rest } = submitted.with ?? {};
  const underway = house.engine.begin(admitted, {
    ...{ ...rest, signal: lead.signal, patience, watch: bothOf(lead.watch, watch) },
    mayStart: mayStart.then(() => undefined),
    keep: keepFor(house, ending),
  });
  if (!underway.ok) {
    giveBack();
    endWith(admitted.span, underway);
    held.value.settle(NO_AMOUNTS);
    return underway;
  }
  lead.accepted(underway.value.waiting);
  const going = { admitted, webhook, lead, underway: underway.value, start };
  return ok({
    taken: { kind: 'living', living: lead, headers: held.value.headers },
    ...{ row, webhook, going },
  });
}

/** From then on nobody can say that they were never asked for. */
function write(
  { store }: House,
  begun: readonly Result<Begun, Refusal>[],
  key: Claim | undefined,
): Promise<Claimed | undefined> {
  const all = begun.flatMap((each) => (each.ok ? [each.value] : []));
  if (all.length === 0) return Promise.resolve(undefined);
  const rows = all.map(({ row }) => row);
  return insertExecutions(store, rows, key, all.flatMap(deliveryOf));
}

function tellIfOver({ onTold }: House, { taken, row, webhook }: Begun): void {
  if (taken.kind === 'ended' && webhook !== undefined) onTold(row.id);
}

/** It was never accepted: nothing of it runs. */
async function giveUp({ admitted, lead, start, underway }: Going): Promise<void> {
  lead.cancel();
  start(false);
  await underway.end;
  admitted.span?.end();
}

/** To its end, and until that is written down. */
async function lead(house: House, going: Going): Promise<void> {
  const { admitted, webhook, lead: own, start, underway } = going;
  house.living.set(own.id, own);
  start(true);
  const execution = await underway.end;
  if (admitted.span !== undefined) endOf(admitted.span, execution);
  if (webhook !== undefined) house.onTold(own.id);
  house.recent.keep(own);
  house.living.delete(own.id);
  own.end(execution);
}

function contentBytes({ files, stdin }: Admitted): number {
  return files.reduce((sum, { content }) => sum + content.length, stdin.length);
}

const TOO_MUCH_WAITS: Refusal = {
  code: 'OVERLOADED',
  detail: 'Too many large executions wait.',
  retryAfterMs: 5000,
};
