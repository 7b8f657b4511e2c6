import type { AuditEvent } from '@gozolite/store/audit/log/entry';
import type { AuditLog } from '@gozolite/store/audit/log/log';

/** Of what has happened already and could not be written yet. */
const WAITING_MAX = 10_000;

/** Between the server and its log: what may not be done unrecorded, and what was done. */
export interface Recorder {
  /** Before something is done. @returns false where it has to be left undone */
  admit(event: AuditEvent): boolean;
  /** After it was done: written as soon as it can be. */
  record(event: AuditEvent): void;
  /** As `record`, as soon as nobody waits for what this turn does; before whatever comes next. */
  recordSoon(event: AuditEvent): void;
  /** Whether what was done before is on record, so that more may be done. */
  isReady(): boolean;
  /** Tries again what could not be written. */
  retry(): void;
  /** Events that wait, and that are lost for good. */
  behind(): { readonly waiting: number; readonly lost: number };
}

export function createRecorder(
  log: Pick<AuditLog, 'append'>,
  isRequired: boolean,
  waitingMax: number = WAITING_MAX,
): Recorder {
  const waiting: AuditEvent[] = [];
  let soon: AuditEvent[] = [];
  let lost = 0;
  let untold = 0;
  const lose = () => {
    lost += 1;
    untold += 1;
  };
  const record = (event: AuditEvent) => {
    if (waiting.length > 0) retry();
    if (waiting.length === 0 && log.append(event)) return;
    if (waiting.length < waitingMax) waiting.push(event);
    else lose();
  };
  const catchUp = () => {
    if (soon.length === 0) return;
    const events = soon;
    soon = [];
    for (const event of events) record(event);
  };
  const retry = () => {
    while (waiting[0] !== undefined && log.append(waiting[0])) waiting.shift();
    if (waiting.length > 0 || untold === 0) return;
    if (log.append({ kind: 'lost', count: untold })) untold = 0;
  };
  const isReady = () => {
    if (waiting.length > 0 || untold > 0) retry();
    return !isRequired || waiting.length === 0;
  };
  return {
    isReady,
    retry: () => {
      catchUp();
      retry();
    },
    admit: (event) => {
      catchUp();
      if (isReady() && waiting.length === 0 && log.append(event)) return true;
      if (isRequired) return false;
      lose();
      return true;
    },
    record: (event) => {
      catchUp();
      record(event);
    },
    recordSoon: (event) => {
      if (soon.length === 0) setImmediate(catchUp);
      soon.push(event);
    },
    behind: () => ({ waiting: waiting.length, lost }),
  };
}
