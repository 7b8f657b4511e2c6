import { createCounts } from '@gozolite/contract/memory/counts';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import type { Usage, UsageWindow } from '@gozolite/contract/tenancy/usage';
import type { Database } from '@gozolite/store/sql';
import {
  type Amounts,
  NO_AMOUNTS,
  type Reservation,
  readUsage,
  reserve,
} from '@gozolite/store/usage';
import type { Pace, Policy } from '../policy/policy.js';
import { createBuckets } from './bucket.js';
import { createLedger, type Ledger } from './ledger.js';
import { type Quoted, quotaHeaders, quotaRefusal } from './quota.js';
import { createSettling, type Settling } from './settling.js';
import { type SpanWindow, windowsAt } from './spans.js';

export interface MeterDeps {
  /** Absent without keys: then nothing is counted beyond this process. */
  readonly store: Database | undefined;
  /** Of this server, the same at its next start. */
  readonly server: string;
  /** Until `share`, nobody else counts in this store. */
  readonly isAlone: boolean;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  readonly onLost: (error: unknown) => void;
}

/** Who asks for what, at most. */
export interface Asked {
  readonly execution: string;
  readonly tenant: string;
  readonly policy: Policy;
  readonly cpuMs: number;
  readonly outputBytes: number;
}

/** The right to run one execution, and what was set aside for it. */
export interface Held {
  /** RateLimit and RateLimit-Policy, as they are with it. */
  readonly headers: Readonly<Record<string, string>>;
  /** To be called once, with what was really used; `executions` 0 where nothing ran. */
  settle(used: Amounts): void;
}

export type Metered = Omit<Usage, 'connections'>;

export interface Meter {
  /** Before a body is parsed: one request, by the tenant's rates. */
  pace(tenant: string, policy: Policy): Result<undefined, Refusal>;
  /** After validation: concurrency and quotas, by what the execution may use at most. */
  begin(asked: Asked): Promise<Result<Held, Refusal>>;
  /** All but its connections: those are counted at the edge. */
  usage(tenant: string, policy: Policy): Promise<Metered>;
  /** Another server is about to count in the store: what only this one knows is in it by then. */
  share(): Promise<void>;
  /** What was used is in the store, or told as lost. */
  settled(): Promise<void>;
}

export function createMeter(deps: MeterDeps): Meter {
  const { store, nowMs } = deps;
  const books = store === undefined ? undefined : openBooks(store, deps);
  const settling = books?.settling;
  const requests = createBuckets(nowMs);
  const cpu = createBuckets(nowMs);
  const underWay = createCounts();
  return {
    pace: (tenant, { pace }) => {
      const { requests: flow, cpuMs: cpuFlow } = pace;
      const waitMs = flow === undefined ? 0 : requests.waitMs(tenant, flow, 1);
      if (waitMs > 0) return refuse(paced('requests', flow?.burst ?? 0, waitMs));
      const cpuWaitMs = cpuFlow === undefined ? 0 : cpu.waitMs(tenant, cpuFlow, 1);
      if (cpuWaitMs > 0) return refuse(paced('cpu', cpuFlow?.burst ?? 0, cpuWaitMs));
      if (flow !== undefined) requests.take(tenant, flow, 1);
      return ok(undefined);
    },
    begin: async (asked) => {
      const { tenant, policy } = asked;
      const { concurrency, cpuMs: cpuFlow } = policy.pace;
      if (concurrency !== undefined && underWay.of(tenant) >= concurrency) {
        return refuse(crowded(concurrency));
      }
      underWay.add(tenant, 1); // Before anything is waited for: the next one sees it.
      const reserved = await hold(deps, asked, books).catch((error: unknown) => {
        underWay.add(tenant, -1);
        throw error;
      });
      if (!reserved.ok) {
        underWay.add(tenant, -1);
        return reserved;
      }
      const { windows, totals, reservation } = reserved.value;
      const left = requestsLeft(policy.pace, (flow) => requests.level(tenant, flow));
      return ok({
        headers: quotaHeaders({ windows, totals, policy, nowMs: nowMs(), ...left }),
        settle: (used) => {
          underWay.add(tenant, -1);
          if (cpuFlow !== undefined) cpu.take(tenant, cpuFlow, used.cpuMs);
          settling?.end(asked.execution, tenant, used);
          books?.ledger?.correct(reservation, used);
        },
      });
    },
    usage: async (tenant, policy) => {
      const windows = windowsAt(nowMs());
      await settling?.settled();
      const shown = async (window: SpanWindow): Promise<UsageWindow> => {
        const used = store === undefined ? NO_AMOUNTS : await readUsage(store, tenant, window);
        return usageWindow(window, used, policy);
      };
      const [hour, day, month] = await Promise.all(windows.map(shown));
      if (hour === undefined || day === undefined || month === undefined) throw new Error('spans');
      const limit = policy.pace.concurrency ?? null;
      const concurrency = { used: underWay.of(tenant), limit };
      return { tenant, hour, day, month, concurrency };
    },
    share: async () => {
      books?.ledger?.close();
      await settling?.settled();
    },
    settled: async () => settling?.settled(),
  };
}

interface Books {
  readonly settling: Settling;
  /** Of a server that began alone. */
  readonly ledger: Ledger | undefined;
}

function openBooks(store: Database, { isAlone, onLost }: MeterDeps): Books {
  const settling = createSettling(store, onLost);
  return { settling, ledger: isAlone ? createLedger(store, settling.settled) : undefined };
}

/** What was held, and the totals with it. */
type Counted = Quoted & { readonly reservation: Reservation };

/** Nothing, where nobody counts; in memory, alone; a row before it begins, where others count. */
async function hold(
  { store, server, nowMs }: MeterDeps,
  asked: Asked,
  books: Books | undefined,
): Promise<Result<Counted, Refusal>> {
  const { policy, ...rest } = asked;
  const reservation = { ...rest, server, admittedAt: nowMs() };
  if (store === undefined || books === undefined) return ok({ ...NO_QUOTAS, reservation });
  const alone = await holdAlone(books, reservation, policy);
  if (alone !== undefined) return alone;
  const { settling } = books;
  if (!isBounded(policy)) {
    settling.begin(reservation);
    return ok({ ...NO_QUOTAS, reservation });
  }
  // Begun before the policy had quotas.
  if (settling.hides(asked.tenant)) await settling.settled();
  const held = await holdInStore(store, reservation, policy);
  if (held.ok || !settling.owes(asked.tenant)) return held;
  // What has ended may still be counted with all that it could have used: then again without.
  await settling.settled();
  return holdInStore(store, reservation, policy);
}

/** @returns undefined where this server is not alone */
async function holdAlone(
  { ledger, settling }: Books,
  reservation: Reservation,
  policy: Policy,
): Promise<Result<Counted, Refusal> | undefined> {
  const judge = judgeOf(reservation, policy);
  const held = await ledger?.hold(reservation, judge.windows, judge.fits);
  if (held?.isHeld) settling.begin(reservation);
  return held === undefined ? undefined : judge.result(held);
}

const NO_QUOTAS: Quoted = { windows: [], totals: [] };

function isBounded({ quotas }: Policy): boolean {
  return Object.values(quotas).some((quota) =>
    Object.values(quota).some((value) => value !== undefined),
  );
}

async function holdInStore(
  store: Database,
  reservation: Reservation,
  policy: Policy,
): Promise<Result<Counted, Refusal>> {
  const { windows, fits, result } = judgeOf(reservation, policy);
  return result(await reserve(store, reservation, windows, fits));
}

/** What the quotas of a policy say of a reservation, by the totals with it. */
function judgeOf(reservation: Reservation, policy: Policy) {
  const nowMs = reservation.admittedAt;
  const windows = windowsAt(nowMs);
  const refusalFor = (totals: readonly Amounts[]) =>
    quotaRefusal({ windows, totals }, { policy, asked: reservation, nowMs });
  return {
    windows,
    fits: (totals: readonly Amounts[]) => refusalFor(totals) === undefined,
    result: ({
      isHeld,
      totals,
    }: {
      readonly isHeld: boolean;
      readonly totals: readonly Amounts[];
    }): Result<Counted, Refusal> => {
      const refusal = isHeld ? undefined : refusalFor(totals);
      return refusal === undefined ? ok({ windows, totals, reservation }) : refuse(refusal);
    },
  };
}

function requestsLeft(
  { requests: flow }: Pace,
  levelOf: (flow: NonNullable<Pace['requests']>) => number,
) {
  return flow === undefined ? {} : { requestsLeft: Math.max(0, Math.floor(levelOf(flow))) };
}

function usageWindow(
  { span, startsAt, endsAt }: SpanWindow,
  used: Amounts,
  { quotas }: Policy,
): UsageWindow {
  const quota = quotas[span];
  return {
    starts_at: new Date(startsAt).toISOString(),
    ends_at: new Date(endsAt).toISOString(),
    executions: { used: used.executions, quota: quota.executions ?? null },
    cpu_ms: { used: used.cpuMs, quota: quota.cpuMs ?? null },
    output_bytes: { used: used.outputBytes, quota: quota.outputBytes ?? null },
  };
}

function paced(name: 'requests' | 'cpu', burst: number, retryAfterMs: number): Refusal {
  const what = name === 'requests' ? 'Requests come' : 'CPU time is used';
  const limit = { name, quota: burst, remaining: 0 };
  const detail = `${what} faster than the policy allows.`;
  return { code: 'RATE_LIMITED', detail, retryAfterMs, limit };
}

/** Nobody knows when one of them ends; soon enough to ask again. */
const CROWDED_RETRY_MS = 1000;

function crowded(concurrency: number): Refusal {
  const detail = `The policy allows ${concurrency} executions at once, and so many are under way.`;
  const limit = { name: 'concurrency', quota: concurrency, remaining: 0 };
  return { code: 'RATE_LIMITED', detail, retryAfterMs: CROWDED_RETRY_MS, limit };
}
