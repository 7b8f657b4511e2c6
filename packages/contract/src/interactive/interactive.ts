import { type Static, Type } from 'typebox';
import { type ExecuteRequest, Execution } from '../execution.js';
import { Problem } from '../refusal.js';

/** The WebSocket sub-protocol that both sides speak; the other one, as a name, carries a key. */
export const SUBPROTOCOL = 'gozo.v1';
/** Of browsers, which can't set headers: `gozo.key.gzl_…` beside `gozo.v1`. */
export const KEY_SUBPROTOCOL = 'gozo.key.';

export const INTERACTIVE_BOUNDS = {
  /** Of the first message; no later one is above `messageBytesMax`. */
  startBytesMax: 4 * 1024 * 1024,
  messageBytesMax: 1024 * 1024,
  /** Who has no more input under way than this can always send a signal. */
  windowBytes: 256 * 1024,
  /** The first message is there so long after the connection. */
  startMsMax: 10_000,
} as const;

/** What can be sent to a program's process group. */
export const SIGNALS = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGKILL',
  'SIGUSR1',
  'SIGUSR2',
  'SIGTERM',
  'SIGCONT',
  'SIGSTOP',
  'SIGTSTP',
  'SIGWINCH',
] as const;
export type SignalName = (typeof SIGNALS)[number];

const literals = <T extends string>(values: readonly T[], description: string) =>
  Type.Unsafe<T>(
    Type.Union(
      values.map((value) => Type.Literal(value)),
      { description },
    ),
  );
const closed = { additionalProperties: false };
const letters = { minimum: 1, maximum: 1000 };
const encoding = Type.Optional(Type.Literal('base64'));
const at = Type.String({ description: 'RFC 3339, UTC, milliseconds.' });
const whole = (description: string) => Type.Optional(Type.Integer({ description }));

const size = { columns: Type.Integer(letters), rows: Type.Integer(letters) };

/** A window, in letters. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export const Terminal = Type.Object(
  {
    ...size,
    term: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$',
        description: "The program's TERM; xterm-256color unless told.",
      }),
    ),
  },
  closed,
);
export type Terminal = Static<typeof Terminal>;

/** What a client sends, by `type`. Binary frames are input, as `stdin` is. */
export const CLIENT_MESSAGES = {
  start: Type.Object(
    {
      type: Type.Literal('start'),
      request: Type.Unsafe<ExecuteRequest>(
        Type.Object({}, { description: 'As of POST /execute; its `stdin` comes first.' }),
      ),
      terminal: Type.Optional(Terminal),
    },
    closed,
  ),
  stdin: Type.Object(
    { type: Type.Literal('stdin'), content: Type.String(), encoding },
    { ...closed, description: 'Input: UTF-8, or bytes in base64.' },
  ),
  eof: Type.Object(
    { type: Type.Literal('eof') },
    { ...closed, description: 'No more input comes; at a terminal: Control-D.' },
  ),
  signal: Type.Object(
    {
      type: Type.Literal('signal'),
      signal: literals(SIGNALS, "To the program's process group."),
    },
    closed,
  ),
  resize: Type.Object({ type: Type.Literal('resize'), ...size }, closed),
} as const;
export type ClientMessageType = keyof typeof CLIENT_MESSAGES;
export type ClientMessage = {
  readonly [Name in ClientMessageType]: Static<(typeof CLIENT_MESSAGES)[Name]>;
}[ClientMessageType];

/** Why a message had no effect; the program goes on. */
export const NOTICES = ['NOT_STARTED', 'NO_TERMINAL', 'INPUT_ENDED', 'IDLE'] as const;

/** What the server sends, by `type`, in this order; `ended` or `refused` is the last. */
export const SERVER_MESSAGES = {
  queued: Type.Object({
    type: Type.Literal('queued'),
    id: Type.String({ description: "The execution's." }),
    at,
    position: whole('1 is the next; absent where it does not wait.'),
    expected_wait_ms: whole('As far as is foreseen.'),
  }),
  compiling: Type.Object({ type: Type.Literal('compiling'), at }),
  started: Type.Object(
    { type: Type.Literal('started'), at },
    { description: 'The program runs: it can be sent signals.' },
  ),
  output: Type.Object({
    type: Type.Literal('output'),
    stage: literals(['compile', 'run'], 'Whose it is.'),
    stream: literals(['stdout', 'stderr'], 'A terminal has stdout alone.'),
    time_ms: Type.Number({ description: 'Since the program could run.' }),
    content: Type.String(),
    encoding,
  }),
  taken: Type.Object({
    type: Type.Literal('taken'),
    bytes: Type.Integer({ description: 'Of the input that was sent, so much went in, in all.' }),
  }),
  notice: Type.Object({
    type: Type.Literal('notice'),
    code: literals(NOTICES, 'Why a message had no effect, or what comes.'),
    detail: Type.String(),
  }),
  refused: Type.Object({ type: Type.Literal('refused'), problem: Problem }),
  ended: Type.Object({ type: Type.Literal('ended'), record: Execution }),
} as const;
export type ServerMessageType = keyof typeof SERVER_MESSAGES;
export type ServerMessage = {
  readonly [Name in ServerMessageType]: Static<(typeof SERVER_MESSAGES)[Name]>;
}[ServerMessageType];
