/**
 * Lets one caller through in each turn of the event loop. Hundreds of requests that arrive at once,
 * or programs that end at once, would else be dealt with in one go, and /healthz would wait behind
 * all of them.
 * @returns waits for a turn; at once where this turn is still free
 */
export function createTurns(): () => Promise<void> {
  const waiting: (() => void)[] = [];
  let isTaken = false;
  const pass = (): void => {
    const next = waiting.shift();
    if (next === undefined) {
      isTaken = false;
      return;
    }
    next();
    setImmediate(pass);
  };
  return async () => {
    if (isTaken) {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
      });
      return;
    }
    isTaken = true;
    setImmediate(pass);
  };
}
