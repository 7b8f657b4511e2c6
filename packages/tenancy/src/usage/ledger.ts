import type { Sql } from '@gozolite/store/sql';
import { type Amounts, type Reservation, readUsage } from '@gozolite/store/usage';
import { type Span, type SpanWindow, windowsAt } from './spans.js';

/**
 * What is used in the windows of now, in memory: for a server that nobody else counts beside. It
 * decides without the store, which is told some time behind.
 */
export interface Ledger {
  /**
   * Sets aside what an execution may use at most, in all its windows, or in none.
   * @param fits judges the totals with the new one in them
   * @returns the totals of each window; undefined where this server is not alone any more
   */
  hold(
    reservation: Reservation,
    windows: readonly SpanWindow[],
    fits: (totals: readonly Amounts[]) => boolean,
  ): Promise<{ readonly isHeld: boolean; readonly totals: readonly Amounts[] } | undefined>;
  /** What was really used comes in the place of what was held; to be called once for each held. */
  correct(reservation: Reservation, used: Amounts): void;
  /** From now on the store is the one to ask. */
  close(): void;
}

interface Account {
  readonly windows: Map<Span, Window>;
  /** Under way: their ends will correct what is known here. */
  held: number;
  loading: Promise<void> | undefined;
}

interface Window {
  readonly startsAt: number;
  used: Amounts;
}

/** Tenants of whom nothing is under way are read again when they come again. */
const ACCOUNTS_MAX = 10_000;

/** @param settled all that ended before is in the store */
export function createLedger(store: Sql, settled: () => Promise<void>): Ledger {
  const accounts = new Map<string, Account>();
  let isClosed = false;

  const accountOf = (tenant: string): Account => {
    const known = accounts.get(tenant);
    if (known !== undefined) return known;
    if (accounts.size >= ACCOUNTS_MAX) forgetIdle(accounts);
    const account = { windows: new Map(), held: 0, loading: undefined };
    accounts.set(tenant, account);
    return account;
  };
  const load = async (tenant: string, account: Account, windows: readonly SpanWindow[]) => {
    await settled();
    for (const window of windows) {
      if (windowIn(account, window) !== undefined) continue;
      const used = await readUsage(store, tenant, window);
      account.windows.set(window.span, { startsAt: window.startsAt, used });
    }
  };
  return {
    hold: async (reservation, windows, fits) => {
      if (isClosed) return undefined; // Nobody corrects what it would keep from now on.
      const { tenant, cpuMs, outputBytes } = reservation;
      const account = accountOf(tenant);
      account.held += 1; // Also while it is read: nobody forgets it meanwhile.
      let isHeld = false;
      try {
        while (!isClosed && windows.some((window) => windowIn(account, window) === undefined)) {
          account.loading ??= load(tenant, account, windows).finally(() => {
            account.loading = undefined;
          });
          await account.loading;
        }
        if (isClosed) return undefined;
        const own = { executions: 1, cpuMs, outputBytes };
        const known = windows.map((window) => windowIn(account, window)).filter(isThere);
        const totals = known.map(({ used }) => sum(used, own));
        isHeld = fits(totals);
        if (isHeld) for (const window of known) window.used = sum(window.used, own);
        return { isHeld, totals };
      } finally {
        if (!isHeld) account.held -= 1;
      }
    },
    correct: ({ tenant, admittedAt, cpuMs, outputBytes }, used) => {
      const account = accounts.get(tenant);
      if (account === undefined) return;
      account.held -= 1;
      const change = {
        executions: used.executions - 1,
        cpuMs: used.cpuMs - cpuMs,
        outputBytes: used.outputBytes - outputBytes,
      };
      for (const { span, startsAt } of windowsAt(admittedAt)) {
        const window = windowIn(account, { span, startsAt });
        if (window !== undefined) window.used = sum(window.used, change);
      }
    },
    close: () => {
      isClosed = true;
      accounts.clear();
    },
  };
}

function windowIn({ windows }: Account, { span, startsAt }: Pick<SpanWindow, 'span' | 'startsAt'>) {
  const window = windows.get(span);
  return window?.startsAt === startsAt ? window : undefined;
}

function isThere(window: Window | undefined): window is Window {
  return window !== undefined;
}

function forgetIdle(accounts: Map<string, Account>): void {
  for (const [tenant, { held }] of accounts) if (held === 0) accounts.delete(tenant);
}

function sum(one: Amounts, other: Amounts): Amounts {
  return {
    executions: one.executions + other.executions,
    cpuMs: one.cpuMs + other.cpuMs,
    outputBytes: one.outputBytes + other.outputBytes,
  };
}
