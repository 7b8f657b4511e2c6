import { isUtf8 } from 'node:buffer';
import type { Execution } from '@gozolite/contract/execution';
import type { KeptExecution, State } from '@gozolite/contract/kept/kept';
import type { Watch } from '@gozolite/engine/execute';
import type { Waiting } from '@gozolite/engine/queue/queue';
import type { OutputChunk } from '@gozolite/sandbox/backend';
import type { ExecutionRow } from '@gozolite/store/executions';
import { createHappenings, type Happenings } from './happened/happenings.js';
import { openingOf, placeOf } from './shown.js';

/** An execution of this server that is not written down as ended yet. */
export interface Living {
  readonly id: string;
  readonly tenant: string;
  readonly happenings: Happenings;
  /** Without its record. */
  shown(): KeptExecution;
  cancel(): void;
  /** Resolves when its end is written down; never rejects. */
  readonly over: Promise<void>;
  /** The record, once it is over. */
  record(): Execution | undefined;
}

/** The side of who leads it through its life. */
export interface Lead extends Living {
  readonly signal: AbortSignal;
  readonly watch: Watch;
  /** Once it has a place. */
  accepted(waiting: () => Waiting | undefined): void;
  end(execution: Execution): void;
  /** When it left the queue. */
  startedAt(): number | null;
}

/** @param onStart as it leaves the queue, with the time */
export function createLiving(row: ExecutionRow, onStart: (at: number) => void): Lead {
  const abort = new AbortController();
  const happenings = createHappenings();
  let state: State = 'queued';
  let startedAt: number | undefined;
  let waiting: () => Waiting | undefined = () => undefined;
  let record: Execution | undefined;
  let finish = () => {};
  const over = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const stage: Watch['stage'] = (name) => {
    state = name === 'compile' ? 'compiling' : 'running';
    const now = Date.now();
    if (startedAt === undefined) onStart(now);
    startedAt ??= now;
    const happening = name === 'compile' ? 'compiling' : 'started';
    happenings.add(happening, { at: new Date(now).toISOString() });
  };
  return {
    ...{ id: row.id, tenant: row.tenant, happenings, over },
    signal: abort.signal,
    cancel: () => abort.abort(),
    record: () => record,
    startedAt: () => startedAt ?? null,
    shown: () => ({
      ...openingOf(row),
      state,
      ...(startedAt === undefined ? {} : { started_at: new Date(startedAt).toISOString() }),
      ...placeOf(waiting()),
    }),
    watch: {
      stage,
      output: (name, chunk) => happenings.add('output', outputOf(name, chunk), chunk.bytes.length),
    },
    accepted: (place) => {
      waiting = place;
      happenings.add('queued', { at: new Date(row.createdAt).toISOString(), ...placeOf(place()) });
    },
    end: (execution) => {
      record = execution;
      happenings.end();
      finish();
    },
  };
}

/** The second, too, where there is one. */
export function bothOf(first: Watch, second: Watch | undefined): Watch {
  if (second === undefined) return first;
  return {
    stage: (name) => {
      first.stage(name);
      second.stage(name);
    },
    output: (name, chunk) => {
      first.output(name, chunk);
      second.output(name, chunk);
    },
  };
}

function outputOf(stage: 'compile' | 'run', { stream, timeUs, bytes }: OutputChunk): object {
  const piece = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const time = { stage, stream, time_ms: timeUs / 1000 };
  return isUtf8(piece)
    ? { ...time, content: piece.toString('utf8') }
    : { ...time, content: piece.toString('base64'), encoding: 'base64' };
}
