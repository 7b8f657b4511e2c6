import type { Execution } from '@gozolite/contract/execution';
import type { Admitted } from '@gozolite/engine/admitted';
import type { Engine } from '@gozolite/engine/engine';
import { interruptedRecord } from '@gozolite/engine/record';
import type { ExecutionRow } from '@gozolite/store/executions';
import type { NewDelivery } from '@gozolite/store/webhooks/deliveries';
import { textOf } from '../../http/pieces.js';
import type { ExecutionSettings } from '../settings.js';

export type Row = ExecutionRow & { readonly record: string };

export interface RowDeps {
  readonly engine: Pick<Engine, 'isolation'>;
  readonly server: string;
  readonly settings: Pick<ExecutionSettings, 'waiting'>;
}

/** Beyond the longest wait and all limits: for sandboxes that are slow to make and to end. */
const DUE_SLACK_MS = 600_000;

/** As it is where the server dies before its end. */
export function newRow({ engine, server, settings }: RowDeps, admitted: Admitted): Row {
  const { id, tenant, recipe, labels, createdAt, limits } = admitted;
  const interrupted = interruptedRecord(admitted, engine.isolation());
  const record = JSON.stringify(interrupted);
  const wallMs = limits.run.wall_time_ms + (limits.compile?.wall_time_ms ?? 0);
  const dueMs = settings.waiting.waitMsMax + wallMs + DUE_SLACK_MS;
  return {
    ...{ id, tenant, server, language: recipe.language },
    labels: labels === undefined ? null : JSON.stringify(labels),
    createdAt: createdAt.getTime(),
    dueAt: Date.now() + dueMs,
    ...{ startedAt: null, endedAt: null },
    ...{ status: interrupted.status, bytes: Buffer.byteLength(record), record },
  };
}

export async function endedRow(
  { server }: Pick<RowDeps, 'server'>,
  execution: Execution,
): Promise<Row> {
  const { id, tenant, labels, language, status } = execution;
  const record = await textOf(execution);
  const createdAt = Date.parse(execution.created_at);
  return {
    ...{ id, tenant, server, language: language.id },
    labels: labels === undefined ? null : JSON.stringify(labels),
    ...{ createdAt, dueAt: createdAt, startedAt: null, endedAt: Date.now() },
    ...{ status, bytes: Buffer.byteLength(record), record },
  };
}

interface Told {
  readonly row: Row;
  readonly webhook: string | undefined;
}

/** An execution is told of once, to one: its own number is the message's. */
export function deliveryOf({ row, webhook }: Told): readonly NewDelivery[] {
  if (webhook === undefined) return [];
  const { id: execution, tenant, createdAt } = row;
  return [{ id: execution.replace(/^exe_/, 'msg_'), tenant, webhook, execution, createdAt }];
}
