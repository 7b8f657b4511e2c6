import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import type { PackFolders } from './folders.js';

/**
 * One `gozo packs` at a time on a folder. An abstract socket (unix(7)) is the lock: the kernel
 * frees it however its holder dies.
 * @param onWait called once if another one holds it
 */
export async function lockPacks(
  folders: PackFolders,
  signal: AbortSignal,
  onWait: () => void,
): Promise<Disposable> {
  const name = createHash('sha256').update(realpathSync(folders.root)).digest('hex');
  const path = `\0gozolite-packs-${name}`;
  for (let isFirst = true; ; isFirst = false) {
    signal.throwIfAborted();
    const held = await listen(path);
    if (held !== undefined) return held;
    if (isFirst) onWait();
    signal.throwIfAborted();
    await untilReleased(path, signal);
  }
}

function listen(path: string): Promise<Disposable | undefined> {
  return new Promise((resolve, reject) => {
    // Those who wait stay connected: the end of the connection wakes them.
    const waiting = new Set<Socket>();
    const server = createServer((socket) => {
      socket.on('error', () => {}).unref();
      waiting.add(socket.once('close', () => waiting.delete(socket)));
    });
    server.once('error', (error) => {
      if ('code' in error && error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(path, () => {
      server.unref();
      resolve({
        [Symbol.dispose]: () => {
          server.close();
          for (const socket of waiting) socket.destroy();
        },
      });
    });
  });
}

function untilReleased(path: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const end = () => {
      signal.removeEventListener('abort', end);
      socket.destroy();
      resolve();
    };
    socket.once('error', end).once('close', end);
    signal.addEventListener('abort', end);
  });
}
