// What a noisy neighbour costs: one tenant's program alone and beside another's that burns CPU,
// memory, processes, disk or output, by turns in one run, while a core is free for each:
//   node scripts/test.mjs --only neighbours
import { spawn } from 'node:child_process';
import { availableParallelism, loadavg } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { serverUnderTest } from '../tests/server-under-test.js';
import { client } from './client.js';
import { judge, machine, percentile, saveFigures } from './figures.js';

/** The bound for the other's p95. */
const SLOWER_MAX = 1.25;
const TURNS = 10;
const RUNS_A_TURN = 8;
/** Until the noise is on its CPU, and until it is gone. */
const SETTLE_MS = 150;

/** Some 50 ms of one core, and what programs usually do: start, import, allocate, print. */
const VICTIM = {
  language: 'python',
  code: 'import json\nprint(len(json.dumps([i * i for i in range(150_000)])))',
  limits: { cpus: 1 },
};

/** Writer, launcher, server and client take two cores between them: told, not judged on two. */
const FLOOD = 'output, as fast as it goes';

const NOISE: Readonly<Record<string, object>> = {
  CPU: noise('while True: pass'),
  memory: noise('while True:\n    block = bytearray(150 << 20)\n    block[::4096] = block[::4096]'),
  processes: noise('import os\nwhile True:\n    if os.fork() == 0: os._exit(0)\n    os.wait()'),
  disk: noise(
    "block = bytes(1 << 20)\nwhile True:\n    with open('/tmp/file', 'wb') as file:\n" +
      '        for _ in range(48): file.write(block)',
  ),
  output: noise(
    "import os, time\nwhile True:\n    os.write(1, b'x' * 65536)\n    time.sleep(0.002)",
    { output_kb: 16_384 },
  ),
  [FLOOD]: noise("import os\nwhile True: os.write(1, b'x' * 65536)", { output_kb: 16_384 }),
};

function noise(code: string, limits: object = {}): object {
  const long = { wall_time_ms: 30_000, cpu_time_ms: 30_000 };
  return { language: 'python', code, limits: { cpus: 1, ...long, ...limits } };
}

interface Measured {
  readonly kind: string;
  readonly quietMs: readonly number[];
  readonly noisyMs: readonly number[];
}

async function main(): Promise<number> {
  const { url } = serverUnderTest();
  const { execute, close } = client(url, 1);
  const victims = async (count: number): Promise<readonly number[]> => {
    const tookMs: number[] = [];
    for (let run = 0; run < count; run += 1) {
      const startedMs = performance.now();
      const { record } = await execute(VICTIM);
      if (record.status !== 'ok') throw new Error(`the victim ended ${record.status}`);
      tookMs.push(performance.now() - startedMs);
    }
    return tookMs;
  };
  const busy = loadavg()[0] ?? 0;
  await victims(RUNS_A_TURN);
  const measured: Measured[] = [];
  for (const [kind, request] of Object.entries(NOISE)) {
    const quietMs: number[] = [];
    const noisyMs: number[] = [];
    for (let turn = 0; turn < TURNS; turn += 1) {
      quietMs.push(...(await victims(RUNS_A_TURN)));
      const stop = keepRunning(url, request);
      await setTimeout(SETTLE_MS);
      noisyMs.push(...(await victims(RUNS_A_TURN)));
      await stop();
      await setTimeout(SETTLE_MS);
    }
    measured.push({ kind, quietMs, noisyMs });
  }
  close();
  saveFigures('neighbours', table(measured, busy));
  const areCoresFree = (kind: string): boolean => kind !== FLOOD || availableParallelism() > 2;
  return judge(
    measured
      .filter(({ kind }) => areCoresFree(kind))
      .map(({ kind, quietMs, noisyMs }) => {
        const ratio = percentile(noisyMs, 0.95) / percentile(quietMs, 0.95);
        const claim = `beside ${kind} p95 is ${ratio.toFixed(2)} x alone, at most ${SLOWER_MAX} x`;
        return { claim, holds: ratio <= SLOWER_MAX };
      }),
  );
}

/**
 * One execution after the other until it is told to stop; the last one's client leaves then. Sent
 * by curl: to read its answers here would cost the other's time.
 */
function keepRunning(url: string, request: object): () => Promise<void> {
  const abort = new AbortController();
  const work = (async () => {
    while (!abort.signal.aborted) await send(url, request, abort.signal);
  })();
  return async () => {
    abort.abort();
    await work;
  };
}

function send(url: string, request: object, signal: AbortSignal): Promise<void> {
  const args = ['-s', '-o', '/dev/null', '--json', '@-', `${url}/execute`];
  const curl = spawn('curl', args, { stdio: ['pipe', 'ignore', 'inherit'], signal });
  curl.on('error', () => undefined); // Told to stop.
  curl.stdin.on('error', () => undefined);
  curl.stdin.end(JSON.stringify(request));
  return new Promise((resolve) => {
    curl.on('close', () => resolve());
  });
}

function table(measured: readonly Measured[], busy: number): string {
  const rows = measured.map(({ kind, quietMs, noisyMs }) => {
    const cells = [quietMs, noisyMs].flatMap((values) =>
      [0.5, 0.95].map((share) => percentile(values, share).toFixed(1)),
    );
    return `| ${kind} | ${cells.join(' | ')} |`;
  });
  const runs = TURNS * RUNS_A_TURN;
  return [
    `## Neighbours: a Python program beside noise, ${runs} runs each, by turns (${machine()})`,
    '',
    `The claim is for free cores; others' load (1 min) was ${busy.toFixed(1)} before it began.`,
    '',
    '| noise | alone p50, ms | alone p95 | beside it p50 | beside it p95 |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

process.exit(await main());
