import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { limitPolicyFor } from '@gozolite/contract/limits';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Backend, BackendUnavailable, type SandboxCommand } from '../../backend.js';
import { createNativeBackend } from './native-backend.js';
import { encodeFrames, type Frame, frame, frameDecoder } from './protocol/frames.js';

/**
 * The other end of the socket, told what to answer: it shows what the client does with answers,
 * good and bad. That sandboxd gives such answers is the integration suite's claim.
 */
type Answer = (received: Frame, reply: (...frames: Frame[]) => void, socket: Socket) => void;

const HELLO = frame({ type: 'hello', version: 1, launcher: 'test' });
const USAGE = { wall_us: 5000, cpu_us: 4000, memory_kb: 900, stdout_bytes: 3, stderr_bytes: 0 };
const END = {
  type: 'end',
  outcome: { kind: 'exited', exit_code: 0 },
  usage: USAGE,
  limits_hit: [],
  truncated: { stdout: false, stderr: false, artifacts: false },
};
const STARTED = frame({ type: 'started', prepare_us: 10, prepared: true });

let folder = '';
let socketPath = '';
let servers: Server[] = [];
let backend: Backend;
const sockets = new Set<Socket>();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'launch-'));
  socketPath = join(folder, 'socket');
  backend = createNativeBackend({ socketPath });
});

afterEach(async () => {
  await backend[Symbol.asyncDispose]();
  for (const server of servers) server.close();
  for (const socket of sockets) socket.destroy();
  servers = [];
  sockets.clear();
  await rm(folder, { recursive: true });
});

async function listen(answer: Answer): Promise<void> {
  const server = createServer((socket) => {
    sockets.add(socket);
    const reply = (...frames: Frame[]) => {
      for (const piece of encodeFrames(frames)) socket.write(piece);
    };
    const decode = frameDecoder((received) => {
      if (received.header.type === 'hello') reply(HELLO);
      else answer(received, reply, socket);
    });
    socket.on('data', decode).on('error', () => socket.destroy());
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
}

function knowsRecipes(rest: Answer): Answer {
  return (received, reply, socket) => {
    if (received.header.type !== 'recipe') return rest(received, reply, socket);
    reply(frame({ type: 'recipe_ok', digest: received.header.digest }));
  };
}

function command(change: Partial<SandboxCommand> = {}): SandboxCommand {
  return {
    id: 'exe_1/run',
    recipe: { digest: 'd1', rootfs: 'host', command: ['/bin/true'], env: {} },
    args: [],
    env: {},
    limits: limitPolicyFor(2, 8 << 20).run.defaults,
    files: [],
    stdin: new Uint8Array(0),
    keepOutput: false,
    artifacts: [],
    ...change,
  };
}

const untouched = () => ({ signal: new AbortController().signal });

test('output, usage and outcome of a run come back, and output as it arrives', async () => {
  await listen(
    knowsRecipes(({ header }, reply) => {
      if (header.type !== 'stdin_end') return;
      const out = frame({ type: 'output', stream: 'stdout', time_us: 7 }, Buffer.from('42\n'));
      reply(STARTED, out, frame(END));
    }),
  );
  const seen: number[] = [];
  const result = await backend.run(command(), {
    ...untouched(),
    onOutput: ({ timeUs }) => seen.push(timeUs),
  });
  expect(result.outcome).toEqual({ kind: 'exited', exitCode: 0 });
  expect(Buffer.from(result.stdout).toString()).toBe('42\n');
  expect(result.usage.memoryKb).toBe(900);
  expect(result.prepareMs).toBeGreaterThan(0);
  expect(seen).toEqual([7]);
});

test('a recipe is told once, and again to a launcher that does not know it any more', async () => {
  const types: string[] = [];
  let isForgotten = false;
  await listen((received, reply) => {
    types.push(received.header.type);
    const isKnown = !isForgotten;
    if (received.header.type === 'recipe') {
      isForgotten = false;
      reply(frame({ type: 'recipe_ok', digest: received.header.digest }));
    } else if (received.header.type === 'stdin_end') {
      reply(isKnown ? frame(END) : frame({ type: 'error', code: 'RECIPE', message: 'unknown' }));
    }
  });
  for (const forgotten of [false, false, true]) {
    isForgotten = forgotten;
    const { outcome } = await backend.run(command(), untouched());
    expect(outcome).toEqual({ kind: 'exited', exitCode: 0 });
  }
  const run = ['start', 'stdin_end'];
  expect(types).toEqual(['recipe', ...run, ...run, ...run, 'recipe', ...run]);
});

test('a launcher that never knows the recipe is asked twice, not forever', async () => {
  let starts = 0;
  await listen(
    knowsRecipes(({ header }, reply) => {
      if (header.type !== 'start') return;
      starts += 1;
      reply(frame({ type: 'error', code: 'RECIPE', message: 'unknown' }));
    }),
  );
  const { outcome } = await backend.run(command(), untouched());
  expect(outcome).toEqual({ kind: 'setup-failed', step: 'launch-request', errno: 'RECIPE' });
  expect(starts).toBe(2);
});

test('16 MiB go in and come out at the same time', async () => {
  const stdin = Buffer.alloc(16 << 20, 'abcdefg');
  await listen(
    knowsRecipes(({ header, payload }, reply) => {
      if (header.type === 'stdin') {
        for (let at = 0; at < payload.length; at += 65_536) {
          const out = { type: 'output', stream: 'stdout', time_us: at };
          reply(frame(out, payload.subarray(at, at + 65_536)));
        }
      }
      if (header.type === 'stdin_end') reply(frame(END));
    }),
  );
  const limits = { ...command().limits, output_kb: 16 << 10 };
  const result = await backend.run(command({ stdin, limits }), untouched());
  expect(result.outcome.kind).toBe('exited');
  expect(stdin.equals(result.stdout)).toBe(true);
  expect(result.truncated.stdout).toBe(false);
});

test('an abort closes the connection at once and is `cancelled`', async () => {
  const closed = new Promise<void>((resolve) => {
    void listen(
      knowsRecipes(({ header }, reply, socket) => {
        socket.on('close', resolve);
        if (header.type === 'stdin_end') reply(STARTED);
        abort.abort();
      }),
    );
  });
  const abort = new AbortController();
  const { outcome } = await backend.run(command(), { signal: abort.signal });
  expect(outcome).toEqual({ kind: 'cancelled' });
  await closed;
});

test('what was aborted before it began starts nothing', async () => {
  const { outcome } = await backend.run(command(), { signal: AbortSignal.abort() });
  expect(outcome).toEqual({ kind: 'cancelled' });
});

test('disposing of the backend cancels what runs', async () => {
  let started: () => void = () => undefined;
  const running = new Promise<void>((resolve) => {
    started = resolve;
  });
  await listen(knowsRecipes(() => started()));
  const run = backend.run(command(), untouched());
  await running;
  await backend[Symbol.asyncDispose]();
  expect((await run).outcome).toEqual({ kind: 'cancelled' });
});

test('no launcher is `launcher-lost`, and no diagnosis', async () => {
  const { outcome } = await backend.run(command(), untouched());
  expect(outcome.kind).toBe('launcher-lost');
  await expect(backend.diagnose()).rejects.toThrow(BackendUnavailable);
});

const broken: { name: string; answer: Answer }[] = [
  { name: 'a connection that closes before the end', answer: (_, __, socket) => socket.destroy() },
  { name: 'garbage', answer: (_, __, socket) => socket.write('GET / HTTP/1.1\r\n\r\n') },
  { name: 'a message of another connection', answer: (_, reply) => reply(frame({ type: 'x' })) },
];
test.each(broken)('$name is `launcher-lost`; what came before it is kept', async ({ answer }) => {
  await listen(
    knowsRecipes((received, reply, socket) => {
      if (received.header.type !== 'start') return;
      reply(frame({ type: 'output', stream: 'stderr', time_us: 1 }, Buffer.from('so far')));
      setImmediate(() => answer(received, reply, socket));
    }),
  );
  const result = await backend.run(command(), untouched());
  expect(result.outcome.kind).toBe('launcher-lost');
  expect(Buffer.from(result.stderr).toString()).toBe('so far');
});

test('a compile keeps its connection until its layer is disposed of', async () => {
  let isOpen = true;
  let noteClosed: () => void = () => undefined;
  const closed = new Promise<void>((resolve) => {
    noteClosed = resolve;
  });
  await listen(
    knowsRecipes(({ header }, reply, socket) => {
      if (header.type === 'diagnose') reply(frame({ type: 'recipe_ok', digest: 'not asked' }));
      if (header.type !== 'stdin_end') return;
      socket.on('close', () => {
        isOpen = false;
        noteClosed();
      });
      reply(frame({ ...END, layer: 'h1' }));
    }),
  );
  const { layer } = await backend.run(command({ keepOutput: true }), untouched());
  expect(layer?.handle).toBe('h1');
  await expect(backend.diagnose()).rejects.toThrow(BackendUnavailable); // A round trip later
  expect(isOpen).toBe(true);
  await layer?.[Symbol.asyncDispose]();
  await closed;
});

test('arguments past the bound of a payload start nothing', async () => {
  const { outcome } = await backend.run(
    command({ args: ['a'.repeat(1_100_000 + 70_000)] }),
    untouched(),
  );
  expect(outcome).toEqual({ kind: 'setup-failed', step: 'launch-request', errno: 'E2BIG' });
});
