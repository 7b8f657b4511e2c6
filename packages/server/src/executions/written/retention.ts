import type { Execution } from '@gozolite/contract/execution';
import { bareEnded, forgetEnded, tenantsKept } from '@gozolite/store/retention';
import type { Database } from '@gozolite/store/sql';
import type { Policies } from '@gozolite/tenancy/policy/policies';
import { textOf } from '../../http/pieces.js';
import { bareOf } from './bare.js';

/** Does what tenants' policies say of what is kept, as they are now. */
export async function retain(
  store: Database,
  policies: Pick<Policies, 'of'>,
  now: number,
): Promise<void> {
  for await (const tenant of tenantsKept(store)) {
    const { recordMs, outputMs } = policies.of(tenant).retention;
    if (recordMs !== undefined) await forgetEnded(store, tenant, now - recordMs);
    if (outputMs !== undefined) await bareEnded(store, tenant, now - outputMs, bareText);
  }
}

async function bareText(record: string): Promise<string> {
  // What was written is a record: nothing else is.
  return textOf(bareOf(JSON.parse(record) as Execution));
}
