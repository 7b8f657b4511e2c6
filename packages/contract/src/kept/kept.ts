import { type Static, Type } from 'typebox';
import { Execution, STATUSES, type Status } from '../execution.js';
import { Problem } from '../refusal.js';

/** How far an execution has come that nobody waits for. */
export const STATES = ['queued', 'compiling', 'running', 'ended'] as const;
export type State = (typeof STATES)[number];

export const KEPT_BOUNDS = {
  /** Requests of one batch. */
  batchMax: 100,
  /** Executions of one page of the list. */
  pageMax: 100,
  idempotencyKeyBytesMax: 255,
} as const;

const literals = <T extends string>(values: readonly T[]) =>
  Type.Unsafe<T>(Type.Union(values.map((value) => Type.Literal(value))));
const whole = (description: string) => Type.Optional(Type.Integer({ description }));
const time = (description: string) => Type.Optional(Type.String({ description }));

/** An execution that is kept until somebody asks: how far it is, and its record at the end. */
export const KeptExecution = Type.Object({
  id: Type.String({ description: "'exe_' and a UUIDv7." }),
  state: literals(STATES),
  status: Type.Optional(literals<Status>(STATUSES)),
  language: Type.String({ description: "The language's id." }),
  labels: Type.Optional(Type.Record(Type.String(), Type.String())),
  created_at: Type.String({ description: 'RFC 3339, UTC, milliseconds.' }),
  started_at: time('When it left the queue.'),
  ended_at: time('When it ended; status and record are there from then on.'),
  position: whole('While it is queued: 1 is the next.'),
  expected_wait_ms: whole('While it is queued, as far as is foreseen.'),
  record: Type.Optional(Execution),
});
export type KeptExecution = Static<typeof KeptExecution>;

/** Newest first, without records. */
export const KeptList = Type.Object({
  executions: Type.Array(KeptExecution),
  next_cursor: Type.Optional(Type.String({ description: 'For the page after this one.' })),
});
export type KeptList = Static<typeof KeptList>;

/** One for each request, in their order: an execution, or why it is none. */
export const BatchAnswer = Type.Object({
  executions: Type.Array(
    Type.Object({
      execution: Type.Optional(KeptExecution),
      problem: Type.Optional(Problem),
    }),
  ),
});
export type BatchAnswer = Static<typeof BatchAnswer>;
