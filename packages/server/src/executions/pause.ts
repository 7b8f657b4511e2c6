/** Until so long is over, the signal is aborted, or the promise is there. */
export function pause(ms: number, signal: AbortSignal, until?: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    void until?.then(done);
  });
}
