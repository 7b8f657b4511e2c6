import { forgetExecutions, interruptExecutions } from '@gozolite/store/executions';
import { forgetClaims } from '@gozolite/store/idempotency';
import type { Database } from '@gozolite/store/sql';
import type { Logger } from '@gozolite/telemetry/logger';
import type { Policies } from '@gozolite/tenancy/policy/policies';
import type { ExecutionSettings } from './settings.js';
import { retain } from './written/retention.js';

const SWEEP_MS = 60_000;
/** As long as the same Idempotency-Key has the same answer. */
export const CLAIM_MS = 24 * 3_600_000;
/** No server's name: only what is past its time is ended. */
const NOBODY = '';

export interface KeepingDeps {
  readonly store: Database;
  /** Of this server, the same at its next start. */
  readonly server: string;
  readonly settings: ExecutionSettings;
  readonly policies: Pick<Policies, 'of'>;
  readonly log: Logger;
}

/**
 * Ends what this server had when it died, before anything else is done; and now and then what
 * another one had, and forgets what need not be kept any longer.
 */
export async function keepExecutions(deps: KeepingDeps): Promise<Disposable> {
  const { store, server, log } = deps;
  const count = await interruptExecutions(store, server, Date.now());
  if (count > 0) log.warn({ count }, 'executions of the last run were interrupted');
  const onLost = (error: unknown) => log.error({ error }, 'executions were not swept');
  const timer = setInterval(() => void sweep(deps).catch(onLost), SWEEP_MS).unref();
  await sweep(deps).catch(onLost);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

async function sweep({ store, settings, policies }: KeepingDeps): Promise<void> {
  const now = Date.now();
  const { keepMs, keepCount, keepBytes } = settings;
  await interruptExecutions(store, NOBODY, now);
  await forgetExecutions(store, { before: now - keepMs, count: keepCount, bytes: keepBytes });
  await retain(store, policies, now);
  await forgetClaims(store, now - CLAIM_MS);
}
