import type { Outcome } from '@gozolite/contract/outcome';
import type { Layer, RunOptions, SandboxCommand, SandboxResult } from '../../backend.js';
import type { Connection, ConnectionEvents } from './connection.js';
import { lineOver, pausesOf } from './line.js';
import { pending } from './pending.js';
import { FrameError } from './protocol/frames.js';
import type { EndMessage, LauncherMessage } from './protocol/messages.js';
import { createReceived } from './received.js';

/**
 * What a sandbox may take over its wall time: set-up, artifacts, removal. A launcher that says
 * nothing for longer is lost, so that every execution ends.
 */
const OVERHEAD_MS_MAX = 30_000;

export type SessionEnd =
  | { readonly kind: 'result'; readonly result: SandboxResult }
  /** The launcher doesn't know the recipe's digest: it was restarted since it was told. */
  | { readonly kind: 'recipe-unknown' };

export interface Session {
  /** Opens a connection that has said hello. */
  readonly open: (events: ConnectionEvents) => Connection;
  readonly command: SandboxCommand;
  /** `launchFrames(command)`, encoded. */
  readonly pieces: readonly Uint8Array[];
  readonly options: RunOptions;
}

/** One sandbox on one connection, from its request to its end. Never rejects. */
export function runSession(session: Session): Promise<SessionEnd> {
  const { command, options } = session;
  const { promise, resolve } = pending<SessionEnd>();
  const received = createReceived(command.limits.output_kb);

  const settle = (end: SessionEnd) => {
    clearTimeout(deadline);
    pausing?.giveUp();
    options.signal.removeEventListener('abort', cancel);
    resolve(end);
  };
  const stop = (outcome: Outcome) => {
    connection.close();
    settle({ kind: 'result', result: received.resultWithout(outcome) });
  };
  const cancel = () => stop({ kind: 'cancelled' });
  const lose = (reason: string) => stop({ kind: 'launcher-lost', reason });

  const onMessage = (message: LauncherMessage) => {
    switch (message.type) {
      case 'started':
        received.started(message.prepareUs / 1000, message.prepared);
        if (pausing === undefined) return;
        return interaction?.onStarted(lineOver(connection, pausing));
      case 'taken':
        return interaction?.onTaken(message.bytes);
      case 'output':
        received.output(message);
        return options.onOutput?.(message);
      case 'artifact':
        return received.artifact(message);
      case 'end': {
        const layer = layerOf(message, command, connection);
        if (layer === undefined) connection.close();
        return settle({ kind: 'result', result: received.resultOf(message, layer) });
      }
      case 'error':
        if (message.code !== 'RECIPE') return stop(refusedBy(message.code));
        connection.close();
        return settle({ kind: 'recipe-unknown' });
      default:
        throw new FrameError(`${message.type} on a sandbox's connection`);
    }
  };

  const waitMs = command.limits.wall_time_ms + OVERHEAD_MS_MAX;
  const late = () => {
    // Who reads slowly is no launcher that is lost: what is left comes at once.
    if (pausing?.isOver() !== false) return lose(`no end within ${waitMs} ms`);
    pausing.giveUp();
    deadline = setTimeout(late, OVERHEAD_MS_MAX);
  };
  let deadline = setTimeout(late, waitMs);
  const connection = session.open({ onMessage, onClosed: lose });
  const { interaction } = options;
  const pausing = interaction && pausesOf(connection);
  options.signal.addEventListener('abort', cancel, { once: true });
  if (options.signal.aborted) cancel();
  else connection.send(session.pieces);
  return promise;
}

/** The launcher would not have this request: no program ran, and the code says why. */
export function refusedBy(code: string): Outcome {
  return { kind: 'setup-failed', step: 'launch-request', errno: code };
}

function layerOf(end: EndMessage, command: SandboxCommand, connection: Connection) {
  const isKept = command.keepOutput && end.outcome.kind === 'exited' && end.outcome.exitCode === 0;
  if (!isKept) return undefined;
  if (end.layer === undefined) throw new FrameError('an end without the layer that was asked for');
  const layer: Layer = {
    handle: end.layer,
    [Symbol.asyncDispose]: async () => connection.close(),
  };
  return layer;
}
