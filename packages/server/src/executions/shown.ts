import type { KeptExecution } from '@gozolite/contract/kept/kept';
import type { Waiting } from '@gozolite/engine/queue/queue';
import type { ExecutionRow } from '@gozolite/store/executions';

/** What is the same at any time of its life. */
export function openingOf(row: ExecutionRow) {
  return {
    id: row.id,
    language: row.language,
    ...(row.labels === null ? {} : { labels: JSON.parse(row.labels) as Record<string, string> }),
    created_at: new Date(row.createdAt).toISOString(),
  };
}

export function placeOf(waiting: Waiting | undefined) {
  if (waiting === undefined) return {};
  return { position: waiting.position, expected_wait_ms: waiting.expectedMs };
}

/** As it stands in the store; of another server's, compiling is running. */
export function shownOf(row: ExecutionRow): KeptExecution {
  const { startedAt, endedAt } = row;
  const started = startedAt === null ? {} : { started_at: new Date(startedAt).toISOString() };
  if (endedAt === null) {
    return { ...openingOf(row), state: startedAt === null ? 'queued' : 'running', ...started };
  }
  return {
    ...openingOf(row),
    state: 'ended',
    // What was written is a status: nothing else is.
    status: row.status as NonNullable<KeptExecution['status']>,
    ...started,
    ended_at: new Date(endedAt).toISOString(),
  };
}
