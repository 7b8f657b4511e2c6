import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Outcome } from '@gozolite/contract/outcome';
import type { Layer, RunOptions, SandboxCommand, SandboxResult } from '../../backend.js';
import { pending } from '../native/pending.js';
import { encodeFrames, type Frame, frame, frameDecoder } from '../native/protocol/frames.js';
import { fileFrames } from '../native/protocol/launch.js';
import { type EndMessage, parseLauncherMessage } from '../native/protocol/messages.js';
import { createReceived } from '../native/received.js';
import { type Container, createContainer, EngineRefused } from './engine/container.js';
import type { EngineApi } from './engine/engine-api.js';
import { EngineAway } from './engine/engine-api.js';
import { streamSplitter } from './engine/streams.js';
import { type Facts, lacking, parseFacts } from './facts.js';
import { type ContainerPlan, updateOf } from './specification.js';
import { openSpool, type Spool } from './spool.js';

/** What a container may take over its wall time: engine, start, artifacts. */
const OVERHEAD_MS_MAX = 60_000;

/** Small, because PID 1 reads within the program's memory limit. */
const STDIN_PIECE_BYTES = 64 * 1024;

export interface Session {
  readonly engine: EngineApi;
  readonly plan: ContainerPlan;
  readonly command: SandboxCommand;
  readonly options: RunOptions;
  /** The compile's output that `command.layer` names. */
  readonly layer: Spool | undefined;
  /** Where outputs of compiles are kept. */
  readonly folder: string;
  /** Takes what a compile left; the layer is the caller's then. */
  readonly keep: (spool: Spool) => Layer;
}

export interface Ended {
  readonly result: SandboxResult;
  /** Whether the container is gone; settles after the result. Never rejects. */
  readonly gone: Promise<boolean>;
}

/** One command in one container. Never rejects. */
export async function runSession(session: Session): Promise<Ended> {
  const { command, options } = session;
  const settled = pending<SandboxResult>();
  const received = createReceived(command.limits.output_kb);
  const beganMs = performance.now();
  let isSettled = false;
  let spool: Spool | undefined;

  const settle = (result: SandboxResult) => {
    if (isSettled) return;
    isSettled = true;
    clearTimeout(deadline);
    options.signal.removeEventListener('abort', cancel);
    settled.resolve(result);
  };
  const stop = (outcome: Outcome) => settle(received.resultWithout(outcome));
  const cancel = () => stop({ kind: 'cancelled' });
  const waitMs = command.limits.wall_time_ms + OVERHEAD_MS_MAX;
  const deadline = setTimeout(
    () => stop({ kind: 'launcher-lost', reason: `no end within ${waitMs} ms` }),
    waitMs,
  );
  const end = (message: EndMessage) => {
    const kept = message.layer !== undefined && spool !== undefined ? spool : undefined;
    if (kept !== undefined) spool = undefined;
    settle(received.resultOf(message, kept === undefined ? undefined : session.keep(kept)));
  };
  const take = (message: Frame, onHello: (facts: Facts) => void) => {
    if (message.header.type === 'hello') return onHello(parseFacts(message.header));
    if (message.header.type === 'layer') return spool?.append(message.payload);
    const said = parseLauncherMessage(message);
    if (said.type === 'started') received.started(performance.now() - beganMs, false);
    else if (said.type === 'artifact') received.artifact(said);
    else if (said.type === 'end') end(said);
    else if (said.type === 'output' && !isSettled) {
      received.output(said);
      options.onOutput?.(said);
    }
  };
  const live = async (): Promise<boolean> => {
    if (isSettled) return true;
    const container = await createContainer(session.engine, session.plan);
    try {
      if (command.keepOutput) spool = openSpool(session.folder);
      if (!isSettled) await converse({ session, container, take, stop, result: settled.promise });
    } catch (error) {
      stop(outcomeOf(error));
    }
    spool?.[Symbol.dispose]();
    return container.remove();
  };

  options.signal.addEventListener('abort', cancel, { once: true });
  if (options.signal.aborted) cancel();
  const gone = live().catch((error: unknown) => {
    stop(outcomeOf(error));
    return true; // Never created, as far as anyone knows; the sweep of the next start looks.
  });
  return { result: await settled.promise, gone };
}

interface Conversation {
  readonly session: Session;
  readonly container: Container;
  readonly take: (message: Frame, onHello: (facts: Facts) => void) => void;
  readonly stop: (outcome: Outcome) => void;
  readonly result: Promise<SandboxResult>;
}

/** Everything between a container's creation and its removal. Ends with the session's result. */
async function converse(conversation: Conversation): Promise<void> {
  const { session, container, take, stop, result } = conversation;
  const socket = await container.attach();
  const greeted = pending<Facts>();
  const closed = pending<string>();
  const decode = frameDecoder((message) => take(message, greeted.resolve));
  const splitter = streamSplitter(decode);
  socket.on('data', (chunk) => {
    try {
      splitter.push(chunk);
    } catch (error) {
      closed.resolve(messageOf(error));
    }
  });
  socket.on('error', (error) => closed.resolve(error.message));
  socket.on('close', () => closed.resolve(splitter.words() || 'its streams ended'));
  let isOver = false;
  const lost = closed.promise.then(async (why) => {
    if (isOver) return;
    const { oomKilled, detail } = await container.end();
    if (oomKilled) stop(OUT_OF_MEMORY);
    else stop({ kind: 'launcher-lost', reason: `the container: ${why}; ${detail}` });
  });
  try {
    await container.start();
    const change = updateOf(session.plan);
    if (change !== undefined) await container.update(change);
    const facts = await Promise.race([greeted.promise, lost, result.then(() => undefined)]);
    if (facts === undefined) return;
    const [lack] = lacking(facts, session.plan.uid);
    if (lack !== undefined) return stop({ kind: 'setup-failed', step: lack, errno: 'ABSENT' });
    await Promise.race([tell(socket, session), result]);
    await result;
  } finally {
    isOver = true;
    // For PID 1 the end of its input is the end: all of the container goes with it.
    socket.destroy();
  }
}

const OUT_OF_MEMORY: Outcome = {
  kind: 'limit-exceeded',
  limit: 'memory_kb',
  exitCode: null,
  signal: 'SIGKILL',
};

/** All that a container is ever told. */
async function tell(socket: Socket, { command, layer }: Session): Promise<void> {
  const send = async (frames: readonly Frame[]) => {
    for (const piece of encodeFrames(frames)) {
      if (!socket.write(piece) && !socket.destroyed) await once(socket, 'drain');
    }
  };
  try {
    await send([startFrame(command)]);
    for (const piece of layer?.pieces() ?? []) await send([frame({ type: 'layer' }, piece)]);
    for (const file of command.files) await send(fileFrames(file));
    for (let at = 0; at < command.stdin.length; at += STDIN_PIECE_BYTES) {
      const piece = command.stdin.subarray(at, at + STDIN_PIECE_BYTES);
      await send([frame({ type: 'stdin' }, piece)]);
    }
    await send([frame({ type: 'stdin_end' })]);
  } catch (error) {
    if (!socket.destroyed) throw error; // Its own end says why it ended.
  }
}

function startFrame({ recipe, args, env, limits, keepOutput, artifacts }: SandboxCommand): Frame {
  const program = {
    command: [...recipe.command, ...args],
    env: { ...recipe.env, ...env },
    artifacts,
  };
  const header = { type: 'start', limits, keep: keepOutput };
  return frame(header, Buffer.from(JSON.stringify(program)));
}

function outcomeOf(error: unknown): Outcome {
  if (error instanceof EngineRefused) {
    return { kind: 'setup-failed', step: error.step, errno: error.answer };
  }
  if (error instanceof EngineAway) return { kind: 'launcher-lost', reason: error.message };
  return { kind: 'launcher-lost', reason: `the container backend: ${messageOf(error)}` };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
