import { EVENT_TYPE } from '@gozolite/contract/webhooks/webhook';
import type { ExecutionRow } from '@gozolite/store/executions';
import { shownOf } from '../executions/shown.js';

/** A record above it has to be asked for. */
const RECORD_BYTES_MAX = 1024 * 1024;

/**
 * What is posted: `data` is what `GET /executions/{id}` answers, where the tenant wants it with
 * the record. Of an execution that is kept no longer there is its id.
 */
export function eventOf(
  { execution, at }: { readonly execution: string; readonly at: number },
  found: (ExecutionRow & { readonly record: string }) | undefined,
  payload: string,
): string {
  if (found === undefined || found.endedAt === null) {
    const data = { id: execution, state: 'ended', forgotten: true };
    return JSON.stringify({ type: EVENT_TYPE, timestamp: new Date(at).toISOString(), data });
  }
  const timestamp = new Date(found.endedAt).toISOString();
  const shown = JSON.stringify(shownOf(found));
  const data = payload !== 'record' ? shown : `${shown.slice(0, -1)},${recordOf(found.record)}}`;
  return `{"type":"${EVENT_TYPE}","timestamp":"${timestamp}","data":${data}}`;
}

function recordOf(record: string): string {
  const isTooLong = Buffer.byteLength(record) > RECORD_BYTES_MAX;
  return isTooLong ? '"record_omitted":true' : `"record":${record}`;
}
