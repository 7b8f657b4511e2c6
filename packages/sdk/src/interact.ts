import type { ExecuteRequest, Execution } from '@gozolite/contract/execution';
import {
  INTERACTIVE_BOUNDS,
  type ServerMessage,
  type SignalName,
  SUBPROTOCOL,
  type Terminal,
  type TerminalSize,
} from '@gozolite/contract/interactive/interactive';
import { WebSocket } from 'ws';
import { GozoConnectionError, GozoProblem } from './errors.js';
import { problemIn } from './handshake.js';

/** What happens while a program is talked to; `ended` is the last. */
export type TalkEvent =
  | Exclude<ServerMessage, { type: 'output' | 'taken' | 'refused' }>
  | {
      readonly type: 'output';
      readonly stage: 'compile' | 'run';
      readonly stream: 'stdout' | 'stderr';
      /** Since the program could run. */
      readonly time_ms: number;
      readonly bytes: Uint8Array;
    };

export interface InteractOptions {
  /** Aborting it closes the connection, which cancels the program. */
  readonly signal?: AbortSignal;
  /** Sent as `X-Request-Id`. */
  readonly requestId?: string;
  /** The program's streams are one terminal of this size; absent: pipes. */
  readonly terminal?: Terminal;
}

/** Where the server is, and what is sent with the handshake. */
export interface Door {
  /** As http://127.0.0.1:7070. */
  readonly url: string;
  /** Of a server that listens on a unix socket. */
  readonly socketPath?: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

const CHUNK_BYTES = 64 * 1024;
/** Events that nobody has asked for yet: then no more are read. */
const WAITING_MAX = 256;

/**
 * A program that runs, and is talked to. `for await` gives what happens, once; `ended` its record,
 * whether or not anybody looks on. A closed connection cancels it.
 */
export class Talk implements AsyncIterable<TalkEvent> {
  /** Rejects with `GozoProblem` or `GozoConnectionError` where there will be no record. */
  readonly ended: Promise<Execution>;
  readonly #socket: WebSocket;
  readonly #url: string;
  readonly #events: TalkEvent[] = [];
  #finish: (record: Execution) => void = () => {};
  #fail: (error: unknown) => void = () => {};
  #failure: { readonly error: unknown } | undefined;
  #isOver = false;
  #isWatched = false;
  #wake: () => void = () => {};
  #makeRoom: () => void = () => {};
  #sent = 0;
  #taken = 0;

  constructor(socket: WebSocket, url: string) {
    this.#socket = socket;
    this.#url = url;
    this.ended = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    // Who looks at the events alone is told by them.
    this.ended.catch(() => undefined);
    socket.on('message', (data) => this.#hear(JSON.parse(data.toString()) as ServerMessage));
    socket.on('error', (error) => this.#lose(error));
    socket.on('close', () => this.#lose());
  }

  /**
   * Input for the program. Resolves as soon as more may be written: what it does not read is not
   * piled up.
   */
  async write(input: string | Uint8Array): Promise<void> {
    const bytes = typeof input === 'string' ? Buffer.from(input, 'utf8') : input;
    for (let at = 0; at < bytes.length && !this.#isOver; at += CHUNK_BYTES) {
      const piece = bytes.subarray(at, at + CHUNK_BYTES);
      this.#sent += piece.length;
      this.#socket.send(piece);
      await this.#room();
    }
  }

  /** No more input comes; at a terminal it is Control-D. */
  end(): void {
    this.#tell({ type: 'eof' });
  }

  /** To the program's process group. */
  signal(signal: SignalName): void {
    this.#tell({ type: 'signal', signal });
  }

  resize({ columns, rows }: TerminalSize): void {
    this.#tell({ type: 'resize', columns, rows });
  }

  /** Cancels it, if it has not ended. */
  close(): void {
    this.#socket.close(1000);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TalkEvent, void> {
    this.#isWatched = true;
    for (;;) {
      const event = this.#events.shift();
      if (event !== undefined) {
        if (this.#events.length < WAITING_MAX / 2) this.#socket.resume();
        yield event;
        if (event.type === 'ended') return;
        continue;
      }
      if (this.#failure !== undefined) throw this.#failure.error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #tell(message: object): void {
    if (!this.#isOver) this.#socket.send(JSON.stringify(message));
  }

  async #room(): Promise<void> {
    while (!this.#isOver && this.#sent - this.#taken >= INTERACTIVE_BOUNDS.windowBytes) {
      await new Promise<void>((resolve) => {
        this.#makeRoom = resolve;
      });
    }
  }

  #hear(message: ServerMessage): void {
    switch (message.type) {
      case 'taken':
        this.#taken = message.bytes;
        this.#makeRoom();
        break;
      case 'refused':
        this.#stop(new GozoProblem(message.problem, undefined));
        break;
      case 'output': {
        const { content, encoding, ...about } = message;
        this.#add({ ...about, bytes: Buffer.from(content, encoding ?? 'utf8') });
        break;
      }
      case 'ended':
        this.#finish(message.record);
        this.#isOver = true;
        this.#makeRoom();
        this.#add(message);
        break;
      default:
        this.#add(message);
    }
  }

  #add(event: TalkEvent): void {
    this.#events.push(event);
    if (this.#isWatched && this.#events.length > WAITING_MAX) this.#socket.pause();
    this.#wake();
  }

  #lose(cause?: Error): void {
    if (this.#isOver) return;
    const reason = cause?.message ?? 'the connection was closed before the program had ended';
    this.#stop(new GozoConnectionError(this.#url, reason, cause));
  }

  #stop(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#failure = { error };
    this.#fail(error);
    this.#makeRoom();
    this.#wake();
  }
}

/** Opens the connection and says what is to run. Rejects as `Gozo` does. */
export async function openTalk(
  door: Door,
  request: ExecuteRequest,
  { signal, terminal }: InteractOptions,
): Promise<Talk> {
  const { headers, socketPath } = door;
  signal?.throwIfAborted();
  const url = `${door.url.replace(/^http/, 'ws')}/interact`;
  const target = socketPath === undefined ? url : `ws+unix:${socketPath}:/interact`;
  // The name that a server of this machine answers to, whatever the socket's path is.
  const host = socketPath === undefined ? {} : { host: 'localhost' };
  const socket = new WebSocket(target, [SUBPROTOCOL], {
    headers: { ...headers, ...host },
    perMessageDeflate: false,
    maxPayload: 0,
  });
  await opened(socket, url);
  const talk = new Talk(socket, url);
  const cancel = () => talk.close();
  signal?.addEventListener('abort', cancel, { once: true });
  socket.once('close', () => signal?.removeEventListener('abort', cancel));
  if (signal?.aborted === true) cancel();
  socket.send(JSON.stringify({ type: 'start', request, terminal }));
  return talk;
}

function opened(socket: WebSocket, url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => {
      // What its tearing down says besides is no news.
      socket.on('error', () => undefined);
      socket.terminate();
      reject(error);
    };
    socket.once('open', resolve);
    socket.once('error', (error) => fail(new GozoConnectionError(url, error.message, error)));
    socket.once('unexpected-response', (_request, response) => {
      problemIn(response, url).then(fail, fail);
    });
  });
}
