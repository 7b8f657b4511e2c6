import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';

export interface KeySetOptions {
  readonly load: () => Promise<JSONWebKeySet>;
  /** Milliseconds that never go back. */
  readonly nowMs: () => number;
  /** The keys could not be had, or can be again (undefined). */
  readonly onChange: (fault: unknown) => void;
  readonly times?: KeySetTimes;
}

export interface KeySetTimes {
  /** Between two looks that nobody asked for. */
  readonly refreshMs: number;
  /** After one that failed. */
  readonly retryMs: number;
  /** Between two looks for a key that a token names, at first. */
  readonly cooldownMs: number;
  /** Keys that could not be asked for again for so long are keys no more. */
  readonly staleMs: number;
}

const TIMES: KeySetTimes = {
  refreshMs: 600_000,
  retryMs: 10_000,
  cooldownMs: 30_000,
  staleMs: 86_400_000,
};

/** An issuer's keys, as they were last seen. Disposing of it stops looking. */
export interface KeySet extends Disposable {
  /** @throws IssuerAway, or what jose throws where there is no such key */
  readonly keyFor: JWTVerifyGetKey;
  /** Resolves when the first look is over. */
  readonly first: Promise<void>;
}

export class IssuerAway extends Error {
  override readonly name = 'IssuerAway';
}

/**
 * Looks by a timer of its own, so that who asks can't make it ask. The one exception is a key that
 * is not known yet, for which an issuer's rotation is not made to wait: each time that such a look
 * finds nothing, the next may come twice as late, down to the timer's own pace.
 */
export function createKeySet({ load, nowMs, onChange, times = TIMES }: KeySetOptions): KeySet {
  const { refreshMs, retryMs, staleMs } = times;
  let known: { readonly find: JWTVerifyGetKey; readonly atMs: number } | undefined;
  let isAway = false;
  let looking: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  let cooldownMs = times.cooldownMs;
  let mayLookAtMs = 0;

  const look = async (): Promise<void> => {
    try {
      known = { find: createLocalJWKSet(await load()), atMs: nowMs() };
      if (isAway) onChange(undefined);
      isAway = false;
    } catch (error) {
      if (!isAway) onChange(error);
      isAway = true;
    }
    looking = undefined;
    clearTimeout(timer);
    if (!isOver) timer = setTimeout(again, isAway ? retryMs : refreshMs).unref();
  };
  const again = (): Promise<void> => {
    looking ??= look();
    return looking;
  };
  const lookEarly = (): Promise<void> => {
    mayLookAtMs = nowMs() + cooldownMs;
    cooldownMs = Math.min(2 * cooldownMs, refreshMs);
    return again();
  };
  const find: JWTVerifyGetKey = (header, token) => {
    if (known === undefined || nowMs() - known.atMs > staleMs) throw new IssuerAway();
    return known.find(header, token);
  };
  const first = again();
  return {
    first,
    keyFor: async (header, token) => {
      if (known === undefined) await looking;
      try {
        return await find(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        if (looking === undefined && nowMs() < mayLookAtMs) throw error;
      }
      await (looking ?? lookEarly());
      const key = await find(header, token);
      cooldownMs = times.cooldownMs;
      return key;
    },
    [Symbol.dispose]: () => {
      isOver = true;
      clearTimeout(timer);
    },
  };
}
