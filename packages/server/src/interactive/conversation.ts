import {
  INTERACTIVE_BOUNDS,
  type ServerMessage,
  type TerminalSize,
} from '@gozolite/contract/interactive/interactive';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, unreachable } from '@gozolite/contract/result';
import type { Watch } from '@gozolite/engine/execute';
import type { Interaction, Line } from '@gozolite/sandbox/interaction';
import type { WebSocket } from 'ws';
import { problemOf } from '../http/problem.js';
import type { Call } from '../http/route.js';
import type { Underway } from './begin.js';
import { createInput } from './input.js';
import { bytesOf, createMessageReader, outputOf, type Said, TOO_LARGE } from './messages.js';
import { createOutbox } from './outbox.js';
import { createPace } from './pace.js';
import type { Start, StartMessage } from './start.js';
import { createWatchman } from './watchman.js';
import {
  CONTROL_D,
  closeCodeOf,
  DRAINING,
  FAILED,
  INPUT_ENDED,
  NO_TERMINAL,
  NOT_STARTED,
  OUT_OF_ORDER,
  TOO_LATE,
} from './words.js';

export interface ConversationDeps {
  readonly start: Start;
  readonly idleMs: number;
  readonly onFailed: (error: unknown) => void;
  /** Told of what was refused after the connection had become a WebSocket. */
  readonly onRefused: (refusal: Refusal) => void;
}

type State = 'fresh' | 'starting' | 'underway' | 'over';

/** One WebSocket, from its first message to its end. What runs on it goes with it. */
export class Conversation {
  readonly closed: Promise<void>;
  readonly #deps: ConversationDeps;
  readonly #call: Call;
  readonly #socket: WebSocket;
  readonly #outbox;
  readonly #pace;
  readonly #watchman;
  readonly #input = createInput();
  readonly #read = createMessageReader();
  #state: State = 'fresh';
  /** Said before the client was told that it is accepted. */
  #early: ServerMessage[] = [];
  #underway: Underway | undefined;
  #line: Line | undefined;
  #terminal: TerminalSize | undefined;
  #place = '';
  #taken = { bytes: 0, told: 0 };

  constructor(deps: ConversationDeps, call: Call, socket: WebSocket) {
    this.#deps = deps;
    this.#call = call;
    this.#socket = socket;
    this.#pace = createPace(socket);
    this.#outbox = createOutbox(socket, () => {
      this.#line?.resume();
      this.#tellTaken();
    });
    this.#watchman = createWatchman({
      socket,
      outbox: this.#outbox,
      idleMs: deps.idleMs,
      isHeld: () => this.#pace.isHeld,
      onBeat: () => this.#tellPlace(),
      onIdle: () => this.#giveUpIdle(),
      onLate: () => this.#refuse(TOO_LATE),
    });
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#leave();
        resolve();
      });
    });
    // It closes by itself then: too large a frame, or none.
    socket.on('error', () => undefined);
    socket.on('message', (data, isBinary) => {
      if (Buffer.isBuffer(data)) this.#hear(data, isBinary);
    });
    socket.on('ping', (data) => {
      this.#pace.count();
      this.#outbox.pong(data);
    });
  }

  /** The server stops: what has not begun does not. */
  drain(): void {
    if (this.#state === 'fresh') this.#refuse(DRAINING);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  #hear(data: Buffer, isBinary: boolean): void {
    if (this.#state === 'over') return;
    this.#pace.count();
    this.#watchman.heard();
    const said = this.#read(data, isBinary);
    if (said.ok) this.#follow(said.value);
    else this.#refuse(said.error);
  }

  #follow(said: Said): void {
    if ((this.#state === 'fresh') !== (said.type === 'start')) {
      this.#refuse(OUT_OF_ORDER);
      return;
    }
    switch (said.type) {
      case 'start':
        this.#state = 'starting';
        this.#begin(said).catch((error: unknown) => {
          this.#deps.onFailed(error);
          this.#refuse(FAILED);
        });
        break;
      case 'bytes':
        this.#type(ok(said.bytes));
        break;
      case 'stdin':
        this.#type(bytesOf(said));
        break;
      case 'eof':
        // A terminal stays open: Control-D is what its reader takes for the end (termios(3)).
        if (this.#terminal === undefined) this.#input.end();
        else this.#type(ok(CONTROL_D));
        break;
      case 'signal':
        if (this.#line === undefined) this.#notice('NOT_STARTED', NOT_STARTED);
        else this.#line.signal(said.signal);
        break;
      case 'resize':
        if (this.#terminal === undefined) this.#notice('NO_TERMINAL', NO_TERMINAL);
        else this.#terminal = said;
        if (this.#terminal !== undefined) this.#line?.resize(said);
        break;
      default:
        unreachable(said);
    }
  }

  #type(typed: Result<Buffer, Refusal>): void {
    if (!typed.ok) this.#refuse(typed.error);
    else if (typed.value.length > INTERACTIVE_BOUNDS.messageBytesMax) this.#refuse(TOO_LARGE);
    else if (this.#input.hasEnded) this.#notice('INPUT_ENDED', INPUT_ENDED);
    else this.#input.add(typed.value);
    this.#pace.hold(this.#input.isFull());
  }

  async #begin(message: StartMessage): Promise<void> {
    this.#watchman.started();
    this.#terminal = message.terminal;
    const { requestId, caller, span } = this.#call;
    const talk = { watch: this.#watch(), interaction: this.#interaction(message) };
    const asking = { requestId, caller, span, receivedAt: new Date() };
    const isGone = () => this.#state === 'over';
    const started = await this.#deps.start(asking, message, { ...talk, isGone });
    if (!started.ok) return this.#refuse(started.error);
    if (started.value.kind === 'gone') return;
    if (started.value.kind === 'ended') {
      return this.#finish({ type: 'ended', record: started.value.record });
    }
    const { underway } = started.value;
    if (isGone()) return underway.cancel();
    this.#underway = underway;
    this.#state = 'underway';
    const { id } = underway;
    const at = asking.receivedAt.toISOString();
    this.#outbox.send({ type: 'queued', id, at, ...underway.place() });
    for (const each of this.#early.splice(0)) this.#outbox.send(each);
    const record = await underway.end;
    if (record === undefined) this.#refuse(FAILED);
    else this.#finish({ type: 'ended', record });
  }

  #watch(): Watch {
    return {
      stage: (name) => {
        if (name === 'compile') this.#say({ type: 'compiling', at: new Date().toISOString() });
      },
      output: (name, chunk) => {
        this.#watchman.spoke();
        this.#say(outputOf(name, chunk));
        if (this.#outbox.isFull()) this.#line?.pause();
      },
    };
  }

  #interaction({ terminal }: StartMessage): Interaction {
    return {
      ...(terminal === undefined ? {} : { terminal }),
      onStarted: (line) => {
        this.#line = line;
        this.#watchman.spoke();
        this.#say({ type: 'started', at: new Date().toISOString() });
        // Its window may be another by now.
        if (this.#terminal !== undefined) line.resize(this.#terminal);
        this.#input.open(line);
        this.#pace.hold(this.#input.isFull());
      },
      onTaken: (bytes) => {
        this.#taken.bytes = bytes;
        this.#input.taken(bytes);
        this.#pace.hold(this.#input.isFull());
        this.#tellTaken();
      },
    };
  }

  #say(message: ServerMessage): void {
    if (this.#state === 'starting') this.#early.push(message);
    else this.#outbox.send(message);
  }

  #tellTaken(): void {
    const { bytes, told } = this.#taken;
    if (bytes === told || this.#outbox.isFull()) return;
    this.#taken.told = bytes;
    this.#say({ type: 'taken', bytes });
  }

  /** Where it stands in the queue, as often as that is another place. */
  #tellPlace(): void {
    const underway = this.#underway;
    if (underway === undefined || this.#line !== undefined) return;
    const place = underway.place();
    const told = String(place.position);
    if (place.position === undefined || told === this.#place) return;
    this.#place = told;
    const at = new Date().toISOString();
    this.#outbox.send({ type: 'queued', id: underway.id, at, ...place });
  }

  #notice(code: Extract<ServerMessage, { type: 'notice' }>['code'], detail: string): void {
    if (!this.#outbox.isFull()) this.#say({ type: 'notice', code, detail });
  }

  #giveUpIdle(): void {
    this.#notice(
      'IDLE',
      `Neither side said anything for ${this.#deps.idleMs} ms: it is cancelled.`,
    );
    this.#underway?.cancel();
  }

  /** What was said is none of what may be. What runs is cancelled, and its record still comes. */
  #refuse(refusal: Refusal): void {
    if (this.#state === 'over') return;
    this.#deps.onRefused(refusal);
    const problem = problemOf(refusal, this.#call.requestId);
    this.#outbox.send({ type: 'refused', problem });
    const underway = this.#underway;
    this.#state = 'over';
    underway?.cancel();
    const code = closeCodeOf(refusal);
    if (underway === undefined) {
      this.#outbox.close(code, refusal.code);
      return;
    }
    void underway.end.then((record) => {
      if (record !== undefined) this.#outbox.send({ type: 'ended', record });
      this.#outbox.close(code, refusal.code);
    });
  }

  #finish(message: ServerMessage): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#tellTaken();
    this.#pace.stop();
    this.#outbox.send(message);
    this.#outbox.close(1000, 'ended');
  }

  #leave(): void {
    this.#state = 'over';
    this.#underway?.cancel();
    this.#pace.stop();
    this.#watchman.stop();
  }
}
