import { GozoProblem } from './errors.js';

const RETRY_MS = 1000;

/**
 * Asks again, when the server says so, while too many of the tenant's connections wait already: of
 * asking alone nothing is run.
 */
export async function patiently<T>(
  ask: () => Promise<T>,
  { signal }: { readonly signal?: AbortSignal | undefined },
): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isCrowded(error)) throw error;
      await pause(error.retryAfterMs ?? RETRY_MS, signal);
    }
  }
}

/** Before a broken connection is made again. */
export function breathe({ signal }: { readonly signal?: AbortSignal | undefined }): Promise<void> {
  return pause(RETRY_MS, signal);
}

function isCrowded(error: unknown): error is GozoProblem {
  if (!(error instanceof GozoProblem)) return false;
  return error.code === 'OVERLOADED' || error.limit?.name === 'connections';
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', leave);
      resolve();
    }, ms);
    if (signal?.aborted === true) leave();
    else signal?.addEventListener('abort', leave, { once: true });
  });
}
