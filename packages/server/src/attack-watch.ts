import type { Attack } from '@gozolite/attacks/corpus';
import { areContained } from '@gozolite/attacks/report/summary';
import { survey } from '@gozolite/attacks/survey';
import { type Backend, BackendUnavailable } from '@gozolite/sandbox/backend';
import type { Logger } from '@gozolite/telemetry/logger';

/** After a run that found something, or found no launcher: how soon to look again. */
const RETRY_MS = 5000;

/** What the last run of the short attacks found. */
export type AttackState =
  | { readonly kind: 'pending' }
  | { readonly kind: 'contained' }
  | { readonly kind: 'not-contained'; readonly ids: readonly string[] };

export interface AttackWatch extends AsyncDisposable {
  state(): AttackState;
}

export interface AttackWatchDeps {
  readonly backend: Backend;
  readonly attacks: readonly Attack[];
  /** Of the corpus. */
  readonly folder: string;
  /** Between the end of one run and the next. */
  readonly everyMs: number;
  readonly log: Logger;
}

/**
 * Runs the short attacks at once and then on a schedule, one at a time, beside the executions. The
 * server can't see other users' processes, so what a run leaves on the host is the launcher's to
 * say (`quarantined`), not ours.
 */
export function watchAttacks(deps: AttackWatchDeps): AttackWatch {
  const stop = new AbortController();
  let state: AttackState = { kind: 'pending' };
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;

  const look = async (): Promise<void> => {
    const found = await stateNow(deps, stop.signal);
    if (stop.signal.aborted) return;
    // Without a launcher nothing was found: what was known stays, /readyz says that it is away.
    state = found ?? state;
    const soon = found?.kind !== 'contained';
    timer = setTimeout(start, soon ? Math.min(RETRY_MS, deps.everyMs) : deps.everyMs).unref();
  };
  const start = (): void => {
    looking = look();
  };
  start();
  return {
    state: () => state,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      clearTimeout(timer);
      await looking;
    },
  };
}

async function stateNow(
  { backend, attacks, folder, log }: AttackWatchDeps,
  signal: AbortSignal,
): Promise<AttackState | undefined> {
  const place = { backend, env: {}, left: () => 'nothing' as const };
  try {
    const { findings, tookMs } = await survey({ place, folder, signal }, attacks);
    const slipped = findings.filter(({ verdict }) => verdict.kind === 'not-contained');
    const ids = slipped.map(({ attack }) => attack.id);
    if (areContained(findings)) {
      log.info({ wallMs: tookMs }, 'attacks contained');
      return { kind: 'contained' };
    }
    log.error({ reason: ids.join(' '), wallMs: tookMs }, 'attacks not contained');
    return { kind: 'not-contained', ids };
  } catch (error) {
    if (signal.aborted) return undefined;
    if (error instanceof BackendUnavailable) return undefined;
    throw error;
  }
}
