import type { AuditEntry } from '@gozolite/store/audit/log/entry';
import type { End } from './ledger.js';

/** An execution as the audit log has it. */
export interface Trail {
  readonly tenant: string;
  readonly requestId: string;
  admitted: number;
  refused: number;
  started: number;
  readonly ends: End[];
}

/** Each execution that the log tells of. */
export function trailsOf(entries: readonly AuditEntry[]): ReadonlyMap<string, Trail> {
  const trails = new Map<string, Trail>();
  for (const entry of entries) {
    const { execution_id: id, tenant = '', request_id: requestId = '' } = entry;
    if (id === undefined) continue;
    const trail = trails.get(id) ?? newTrail(tenant, requestId);
    trails.set(id, trail);
    if (entry.kind === 'admitted') trail.admitted += 1;
    if (entry.kind === 'refused') trail.refused += 1;
    if (entry.kind === 'started') trail.started += 1;
    const end = endOf(entry);
    if (end !== undefined) trail.ends.push(end);
  }
  return trails;
}

function newTrail(tenant: string, requestId: string): Trail {
  return { tenant, requestId, admitted: 0, refused: 0, started: 0, ends: [] };
}

function endOf({ kind, status, error }: AuditEntry): End | undefined {
  if (kind === 'interrupted') return { status: 'failed', error: 'INTERRUPTED' };
  if (kind !== 'ended') return undefined;
  // What was written is a status: nothing else is.
  return { status: status as End['status'], error: error as string | undefined };
}

/** The number of the request that it came with, where that has one: all tries have the same. */
export function numberIn({ requestId }: Trail): string {
  return requestId.split('.')[1] ?? '';
}

/** Whether it was to be written down as well. */
export function isKept({ requestId }: Trail): boolean {
  return requestId.startsWith('kept.');
}
