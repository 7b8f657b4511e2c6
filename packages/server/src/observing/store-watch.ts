import type { Sql } from '@gozolite/store/sql';

/** Whether the store can be reached. */
export interface StoreWatch {
  /** Asked at most once a second, however often this is; a store that says nothing is away. */
  isUp(): Promise<boolean>;
}

/** Of an answer, which is the same for all who ask meanwhile. */
const FRESH_MS = 1000;
/** Less than what a probe of readiness waits for in most places. */
const ANSWER_MS_MAX = 2000;

/** @param nowMs milliseconds that never go back */
export function watchStore(store: Sql, nowMs: () => number = () => performance.now()): StoreWatch {
  let last: { readonly is: Promise<boolean>; readonly untilMs: number } | undefined;
  let asking: Promise<boolean> | undefined;
  const ask = (): Promise<boolean> => {
    // One that hangs is not asked a second time: each would hold a connection of the pool.
    asking ??= store
      .query('SELECT 1 FROM tenants LIMIT 1')
      .then(
        () => true,
        () => false,
      )
      .finally(() => {
        asking = undefined;
      });
    return within(asking);
  };
  return {
    isUp: () => {
      if (last === undefined || nowMs() >= last.untilMs) {
        last = { is: ask(), untilMs: nowMs() + FRESH_MS };
      }
      return last.is;
    },
  };
}

async function within(answer: Promise<boolean>): Promise<boolean> {
  let alarm: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    alarm = setTimeout(resolve, ANSWER_MS_MAX, false);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(alarm);
  }
}
