import { type Isolation, LAYERS } from '@gozolite/contract/execution';
import { type Backend, BackendUnavailable } from '@gozolite/sandbox/backend';

/** The protections in force, asked once and again after the launcher was lost. */
export interface IsolationMemory {
  /** As last seen; every layer missing while no launcher was ever reached. */
  last(): Isolation;
  /** Asks where nothing is remembered. Never rejects: without an answer it stays as last seen. */
  refresh(): Promise<void>;
  /** The launcher may have been restarted: the next `refresh` asks again. */
  doubt(): void;
}

export function createIsolationMemory(backend: Backend): IsolationMemory {
  let last = unseen(backend.name);
  let asking: Promise<void> | undefined;

  const ask = async () => {
    try {
      last = (await backend.diagnose()).isolation;
    } catch (error) {
      asking = undefined;
      if (!(error instanceof BackendUnavailable)) throw error;
    }
  };
  return {
    last: () => last,
    refresh: () => {
      asking ??= ask();
      return asking;
    },
    doubt: () => {
      asking = undefined;
    },
  };
}

/** Nothing is claimed that was not seen. */
function unseen(backend: string): Isolation {
  const reason = 'the launcher has not been reached';
  return {
    backend,
    level: 'reduced',
    layers: [],
    missing: LAYERS.map((layer) => ({ layer, reason })),
  };
}
