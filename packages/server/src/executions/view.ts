import type { KeptExecution } from '@gozolite/contract/kept/kept';
import { findExecution, listExecutions, type Selection } from '@gozolite/store/executions';
import type { Database } from '@gozolite/store/sql';
import type { Executions } from './executions.js';
import { shownOf } from './shown.js';

/** Executions as their tenant sees them, whichever server has them. */
export interface View {
  /** Undefined where the tenant has none of that id. */
  find(tenant: string, id: string): Promise<Seen | undefined>;
  list(tenant: string, selection: Selection): Promise<readonly KeptExecution[]>;
}

export interface Seen {
  /** Without its record. */
  readonly shown: KeptExecution;
  /** JSON, where it has ended. */
  readonly record?: string;
}

export function createView(store: Database, executions: Executions): View {
  return {
    find: async (tenant, id) => {
      // Some text can't even be asked for: Postgres knows no NUL.
      if (!isExecutionId(id)) return undefined;
      const living = executions.living(tenant, id);
      if (living !== undefined) return { shown: living.shown() };
      const row = await findExecution(store, tenant, id);
      if (row === undefined) return undefined;
      const shown = shownOf(row);
      return shown.state === 'ended' ? { shown, record: row.record } : { shown };
    },
    list: async (tenant, selection) => {
      const rows = await listExecutions(store, tenant, selection);
      return rows.map((row) => executions.living(tenant, row.id)?.shown() ?? shownOf(row));
    },
  };
}

export const EXECUTION_ID = /^exe_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function isExecutionId(text: string): boolean {
  return EXECUTION_ID.test(text);
}

/** JSON of both, without reading the record's again. */
export function textOfSeen({ shown, record }: Seen): string {
  const text = JSON.stringify(shown);
  return record === undefined ? text : `${text.slice(0, -1)},"record":${record}}`;
}
