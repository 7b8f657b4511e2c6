import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Limits } from '@gozolite/contract/limits';

/** The launch protocol as somebody speaks it who means harm: every byte is the test's. */

export const LIMITS: Limits = {
  wall_time_ms: 20_000,
  cpu_time_ms: 20_000,
  memory_kb: 256 * 1024,
  stack_kb: 8192,
  cpus: 1,
  output_kb: 1024,
  disk_kb: 64 * 1024,
  file_kb: 64 * 1024,
  processes: 32,
  open_files: 64,
};
export const DIGEST = 'fa'.repeat(32);
export const RECIPE = {
  rootfs: 'host',
  command: ['/bin/bash', '-c'],
  env: { PATH: '/usr/bin:/bin' },
} as const;

export const HELLO = frame({ type: 'hello', version: 1 });
export const LEARN = frame({ type: 'recipe', digest: DIGEST, recipe: RECIPE });
export const END_OF_INPUT = frame({ type: 'stdin_end' });

export function frame(header: object | string, payload: Uint8Array | string = ''): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  return Buffer.concat([prefix(text.length, payload.length), text, Buffer.from(payload)]);
}

export function prefix(headerBytes: number, payloadBytes: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(headerBytes, 0);
  bytes.writeUInt32LE(payloadBytes, 4);
  return bytes;
}

/** A `start` that is in order but for what is changed in it. */
export function start(
  changed: object = {},
  words: object | string = { args: ['echo 42'] },
): Buffer {
  const header = { type: 'start', id: 'x', recipe: DIGEST, limits: LIMITS, keep: false };
  const payload = typeof words === 'string' ? words : JSON.stringify(words);
  return frame({ ...header, ...changed }, payload);
}

export interface Said {
  readonly type: string;
  readonly code?: string;
  readonly outcome?: { readonly kind: string };
  readonly layer?: string;
}

/** One connection: what was sent on it, and every message that came until it was closed. */
export interface Talk {
  readonly socket: Socket;
  /** Settles with all messages when the other side has closed, or said its last word. */
  readonly all: Promise<readonly Said[]>;
  /** An error's code, an outcome's kind, `closed`, or `running` as long as it goes on. */
  readonly standing: () => string;
}

const LAST_WORDS = ['error', 'end'];

export async function talk(path: string, ...frames: readonly Uint8Array[]): Promise<Talk> {
  const socket = connect(path);
  await once(socket, 'connect');
  let bytes = Buffer.alloc(0);
  const messages: Said[] = [];
  let isOver = false;
  const all = new Promise<readonly Said[]>((resolve) => {
    const end = () => {
      isOver = true;
      resolve(messages);
    };
    socket.on('close', end).on('error', end).on('end', end);
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (;;) {
        if (bytes.length < 8) return;
        const header = bytes.readUInt32LE(0);
        const total = 8 + header + bytes.readUInt32LE(4);
        if (bytes.length < total) return;
        const said: Said = JSON.parse(bytes.subarray(8, 8 + header).toString());
        messages.push(said);
        bytes = bytes.subarray(total);
        if (LAST_WORDS.includes(said.type)) end();
      }
    });
  });
  for (const each of frames) socket.write(each);
  const standing = () => {
    const last = messages.at(-1);
    return isOver ? (last?.code ?? last?.outcome?.kind ?? 'closed') : 'running';
  };
  return { socket, all, standing };
}

/** Says it all at once and gives how it ended. */
export async function ask(path: string, ...frames: readonly Uint8Array[]): Promise<string> {
  const { socket, all, standing } = await talk(path, ...frames);
  await all;
  socket.destroy();
  return standing();
}
