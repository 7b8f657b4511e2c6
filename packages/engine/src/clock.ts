/** Time as the engine sees it: a test passes one that it moves by hand. */
export interface Clock {
  /** Milliseconds that never go back, with a fraction. */
  monotonicMs(): number;
  /** Calls `action` once after `delayMs`. @returns what calls it off. */
  schedule(delayMs: number, action: () => void): () => void;
}

export function systemClock(): Clock {
  return {
    monotonicMs: () => performance.now(),
    schedule: (delayMs, action) => {
      const timer = setTimeout(action, delayMs);
      return () => clearTimeout(timer);
    },
  };
}
