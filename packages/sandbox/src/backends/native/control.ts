import { BackendUnavailable } from '../../backend.js';
import { type Connection, connect } from './connection.js';
import { encodeFrames, type Frame } from './protocol/frames.js';
import { helloFrame } from './protocol/launch.js';
import type { LauncherMessage } from './protocol/messages.js';

const ANSWER_WAIT_MS_MAX = 5_000;
const RECONNECT_WAIT_MS_MIN = 20;
const RECONNECT_WAIT_MS_MAX = 5_000;

/** The one connection that no sandbox hangs on: recipes and diagnosis. Opened by its first use. */
export interface Control extends AsyncDisposable {
  /**
   * Asks one thing; answers come in the order of the questions.
   * @throws BackendUnavailable where the launcher is not there, goes away or answers nothing in 5 s
   */
  ask(question: Frame): Promise<LauncherMessage>;
}

interface Asked {
  answer(message: LauncherMessage): void;
  fail(reason: string): void;
}

interface Link {
  readonly connection: Connection;
  readonly asked: Asked[];
}

/**
 * @param onLost is called whenever a connection ends that we did not end: what was told on it may
 *   be gone with the launcher. A lost connection is opened again by the next question, or after a
 *   wait that doubles from 20 ms to at most 5 s.
 */
export function openControl(socketPath: string, onLost: () => void): Control {
  let link: Link | undefined;
  let reconnect: NodeJS.Timeout | undefined;
  let reconnectWaitMs = RECONNECT_WAIT_MS_MIN;
  let isDisposed = false;

  const lose = (reason: string) => {
    const lost = link;
    link = undefined;
    onLost();
    for (const asked of lost?.asked ?? []) asked.fail(reason);
    if (isDisposed || reconnect !== undefined) return;
    reconnect = setTimeout(open, reconnectWaitMs).unref();
    reconnectWaitMs = Math.min(2 * reconnectWaitMs, RECONNECT_WAIT_MS_MAX);
  };
  const open = (): Link => {
    clearTimeout(reconnect);
    reconnect = undefined;
    if (link !== undefined) return link;
    const asked: Asked[] = [];
    const connection = connect(socketPath, {
      onHello: () => {
        reconnectWaitMs = RECONNECT_WAIT_MS_MIN;
      },
      onMessage: (message) => asked.shift()?.answer(message),
      onClosed: lose,
    });
    link = { connection, asked };
    connection.send(encodeFrames([helloFrame()]));
    return link;
  };
  const giveUp = (on: Link, reason: string) => {
    on.connection.close();
    if (on === link) lose(reason);
  };

  return {
    ask: (question) =>
      new Promise((resolve, reject) => {
        if (isDisposed) return reject(new BackendUnavailable('the backend is closed'));
        const pieces = encodeFrames([question]);
        const current = open();
        const reason = `no answer within ${ANSWER_WAIT_MS_MAX} ms`;
        const deadline = setTimeout(() => giveUp(current, reason), ANSWER_WAIT_MS_MAX);
        current.asked.push({
          answer: (message) => {
            clearTimeout(deadline);
            resolve(message);
          },
          fail: (why) => {
            clearTimeout(deadline);
            reject(new BackendUnavailable(why));
          },
        });
        current.connection.send(pieces);
      }),
    [Symbol.asyncDispose]: async () => {
      isDisposed = true;
      clearTimeout(reconnect);
      if (link !== undefined) giveUp(link, 'the backend is closed');
    },
  };
}
