import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { Case } from './cases/cases.js';

/** What came back over one connection. */
export interface Received {
  readonly text: string;
  /** By the server, before the client had gone. */
  readonly isClosed: boolean;
}

/** How long a client looks for an answer that may never come; nothing is judged by it. */
const LOOK_MS = 100;
/** Whoever is to be answered is answered within the server's own times, 30 s, and far more. */
const ANSWER_MS_MAX = 120_000;

/** Sends a case over a connection of its own. Holders are left open in `held`. */
export async function fire(port: number, one: Case, held: Set<Socket>): Promise<Received> {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  socket.setNoDelay(true);
  let text = '';
  let isClosed = false;
  socket.on('data', (chunk) => {
    if (text.length < 1_000_000) text += chunk.toString('latin1');
  });
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      isClosed = true;
      resolve();
    });
  });
  for (const piece of one.pieces) {
    socket.write(piece);
    if (one.pieces.length > 1) await turn();
  }
  if (one.isAmbiguous === true) {
    await within(closed, ANSWER_MS_MAX);
    return { text, isClosed };
  }
  switch (one.leaves) {
    case 'answered':
      await within(Promise.race([closed, once(socket, 'data')]), LOOK_MS);
      break;
    case 'half':
      socket.end();
      await within(closed, LOOK_MS);
      break;
    case 'reset':
      await turn();
      socket.resetAndDestroy();
      return { text, isClosed: false };
    case 'holds':
      held.add(socket);
      closed.then(() => held.delete(socket));
      return { text, isClosed };
  }
  socket.destroy();
  return { text, isClosed };
}

async function within(event: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([event.catch(() => {}), late]);
  clearTimeout(timer);
}
