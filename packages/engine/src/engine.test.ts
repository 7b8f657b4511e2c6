import { EventEmitter, once } from 'node:events';
import type { Execution } from '@gozolite/contract/execution';
import { Execution as ExecutionSchema } from '@gozolite/contract/execution';
import { limitPolicyFor } from '@gozolite/contract/limits';
import type { Outcome } from '@gozolite/contract/outcome';
import type { Recipe } from '@gozolite/contract/recipe';
import { BackendUnavailable } from '@gozolite/sandbox/backend';
import { loggerOver } from '@gozolite/telemetry/logger';
import { Value } from 'typebox/value';
import { describe, expect, test } from 'vitest';
import type { Admitted } from './admitted.js';
import { createEngine, type Engine } from './engine.js';
import { makeExecutionId } from './id.js';
import { fakeClock } from './testing/fake-clock.js';
import { type MemoryBackend, memoryBackend } from './testing/memory-backend.js';

const { run, compile } = limitPolicyFor(2, 8 << 20);
const launch = { digest: 'd', rootfs: 'host', command: ['/bin/true'], env: {} };
const stage = { launch, args: ['{entry}', '{args}'], env: {}, limits: {} };
const toolchain = { source: 'host', version: '1.2.3' };
const plain: Recipe = { language: 'any', version: '1', toolchain, source: 'main', run: stage };
const compiling: Recipe = { ...plain, compile: stage };
const file = { path: 'main', content: Buffer.from('secret source'), executable: false };

function admitted(change: Partial<Admitted> = {}): Admitted {
  return {
    id: makeExecutionId(),
    requestId: 'request-1',
    tenant: 'local',
    createdAt: new Date(0),
    limits: { run: run.defaults, compile: compile.defaults },
    recipe: plain,
    files: [file],
    entry: 'main',
    stdin: Buffer.from('secret input'),
    args: ['x'],
    env: { A: 'b' },
    compileArgs: ['-O2'],
    artifacts: [],
    ...change,
  };
}

function setting(backend: MemoryBackend = memoryBackend(), concurrency = 1) {
  const lines: string[] = [];
  const clock = fakeClock();
  const log = loggerOver('info', { write: (line) => lines.push(line) });
  const bounds = { concurrency, queueMax: 2, queuePerTenantMax: 2, queueWaitMsMax: 1_000 };
  return { backend, clock, lines, engine: createEngine({ backend, log, clock, ...bounds }) };
}

/** Each run lasts until its signal is aborted or `finish` is called. */
function held() {
  const begun = new EventEmitter();
  const running: (() => void)[] = [];
  const backend = memoryBackend(
    (_, { signal }) =>
      new Promise((resolve) => {
        const cancel = () => resolve({ outcome: { kind: 'cancelled' } });
        if (signal.aborted) cancel();
        signal.addEventListener('abort', cancel);
        running.push(() => resolve({}));
        begun.emit('run');
      }),
  );
  const finish = async () => {
    if (running.length === 0) await once(begun, 'run');
    running.shift()?.();
  };
  return { ...setting(backend), finish };
}

const patient = () => new AbortController().signal;

async function recordOf(engine: Engine, request: Admitted, signal = patient()): Promise<Execution> {
  const result = await engine.execute(request, signal);
  if (!result.ok) throw new Error(`refused: ${result.error.code}`);
  return result.value;
}

describe('stages', () => {
  test('without a compile step there is one sandbox, with files, input and arguments', async () => {
    const { backend, engine } = setting();
    const request = admitted();
    const record = await recordOf(engine, request);
    expect(record.status).toBe('ok');
    expect(record.stage).toBeUndefined();
    expect(record.compile).toBeUndefined();
    expect(backend.calls).toEqual([`${request.id}/run`]);
    expect(backend.commands[0]).toMatchObject({
      args: ['main', 'x'],
      env: { A: 'b' },
      files: [file],
      stdin: request.stdin,
      keepOutput: false,
    });
  });

  test('a compile goes first; the run stands on its layer, which is freed at the end', async () => {
    const { backend, engine } = setting();
    const request = admitted({ recipe: compiling });
    const record = await recordOf(engine, request);
    const handle = `layer of ${request.id}/compile`;
    expect(record).toMatchObject({ status: 'ok', compile: { exit_code: 0 } });
    expect(backend.calls).toEqual([
      `${request.id}/compile`,
      `${request.id}/run`,
      `freed ${handle}`,
    ]);
    expect(backend.commands[0]).toMatchObject({ args: ['main', '-O2'], env: {}, keepOutput: true });
    expect(backend.commands[1]).toMatchObject({ files: [], layer: { handle } });
  });

  const endings = [
    { outcome: { kind: 'exited', exitCode: 1 }, status: 'compile_error' },
    {
      outcome: { kind: 'limit-exceeded', limit: 'memory_kb', exitCode: null, signal: 'SIGKILL' },
      status: 'memory_limit_exceeded',
    },
    { outcome: { kind: 'setup-failed', step: 'clone', errno: 'EAGAIN' }, status: 'failed' },
  ] as const;
  test.each(endings)('a compile that is $status is the end: nothing runs', async (ending) => {
    const stderr = Buffer.from('no');
    const { backend, engine } = setting(
      memoryBackend(async () => ({ outcome: ending.outcome, stderr })),
    );
    const request = admitted({ recipe: compiling });
    const record = await recordOf(engine, request);
    expect(record).toMatchObject({ status: ending.status, stage: 'compile', stdout: '' });
    expect(record.compile?.stderr).toBe('no');
    expect(record.exit_code).toBeNull();
    expect(backend.calls).toEqual([`${request.id}/compile`]);
  });

  test('every record is as the contract says it', async () => {
    const { engine } = setting();
    const labels = { submission: '7' };
    for (const request of [admitted(), admitted({ recipe: compiling, labels, artifacts: ['*'] })]) {
      const record = JSON.parse(JSON.stringify(await recordOf(engine, request)));
      expect([...Value.Errors(ExecutionSchema, record)]).toEqual([]);
      expect(record.isolation.level).toBe('full');
    }
  });

  test('each stage is logged once, and neither source nor input nor output is', async () => {
    const stdout = Buffer.from('secret output');
    const { engine, lines } = setting(memoryBackend(async () => ({ stdout })));
    await recordOf(engine, admitted({ recipe: compiling }));
    const stages = lines.map((line) => JSON.parse(line).stage);
    expect(stages).toEqual(['queue', 'prepare', 'compile', 'run', 'capture', 'record']);
    expect(lines.join('')).not.toContain('secret');
  });
});

describe('a network', () => {
  const network = { allow: ['a.example:1'], bytesMax: 1, connectionsMax: 1, timeMsMax: 1 };

  test('is for the run, not for the compiler, and its connections are in the record', async () => {
    const ends = { address: null, bytes_sent: 0, bytes_received: 0, time_ms: 1 };
    const connection = { host: 'a.example', port: 1, ...ends, outcome: 'unresolved' as const };
    const { backend, engine } = setting(memoryBackend(async () => ({ connections: [connection] })));
    const record = await recordOf(engine, admitted({ recipe: compiling, network }));
    expect(record.network_log).toEqual([connection]);
    expect(backend.commands.map((command) => command.network)).toEqual([undefined, network]);
  });

  test('without entries is none; without a list the record has no log', async () => {
    const { backend, engine } = setting();
    const empty = admitted({ network: { ...network, allow: [] } });
    expect((await recordOf(engine, empty)).network_log).toEqual([]);
    expect((await recordOf(engine, admitted())).network_log).toBeUndefined();
    expect(backend.commands.map((command) => command.network)).toEqual([undefined, undefined]);
  });
});

describe('the queue', () => {
  test('whose wait runs out has a record: failed, OVERLOADED', async () => {
    const { engine, clock, finish } = held();
    const running = recordOf(engine, admitted());
    const waiting = recordOf(engine, admitted());
    clock.advance(1_000);
    const record = await waiting;
    expect(record).toMatchObject({ status: 'failed', error: 'OVERLOADED' });
    expect(record.timings).toMatchObject({ queue_ms: 1_000, run_ms: 0 });
    await finish();
    expect((await running).status).toBe('ok');
  });

  test('who finds it full is refused and has none', async () => {
    const { engine, finish } = held();
    const accepted = [1, 2, 3].map(() => recordOf(engine, admitted()));
    const refused = await engine.execute(admitted(), patient());
    expect(refused).toMatchObject({ ok: false, error: { code: 'OVERLOADED' } });
    for (const execution of accepted) {
      expect(engine.load().running).toBe(1);
      await finish();
      expect((await execution).status).toBe('ok');
    }
  });

  test('reserves what its larger stage may use, until it has ended', async () => {
    const { engine, finish } = held();
    const large = { ...run.defaults, memory_kb: 3 * compile.defaults.memory_kb };
    const limits = { run: large, compile: { ...compile.defaults, cpus: 2 } };
    const execution = recordOf(engine, admitted({ limits }));
    expect(engine.reserved()).toEqual({ memoryKb: large.memory_kb, cpus: 2 });
    await finish();
    await execution;
    expect(engine.reserved()).toEqual({ memoryKb: 0, cpus: 0 });
  });

  test("a caller's abort is `cancelled`, waiting or running", async () => {
    const { engine } = held();
    const aborts = [new AbortController(), new AbortController()];
    const executions = aborts.map(({ signal }) => recordOf(engine, admitted(), signal));
    for (const abort of aborts.reverse()) abort.abort();
    for (const execution of executions) expect((await execution).status).toBe('cancelled');
    expect(engine.load()).toEqual({ running: 0, queued: 0 });
  });

  test('draining refuses newcomers, waits, and cancels what is left then', async () => {
    const { engine, clock } = held();
    const executions = [1, 2].map(() => recordOf(engine, admitted()));
    const drained = engine.drain(500);
    const refused = await engine.execute(admitted(), patient());
    expect(refused).toMatchObject({ ok: false, error: { code: 'DRAINING' } });
    clock.advance(499);
    expect(engine.load()).toEqual({ running: 1, queued: 1 });
    clock.advance(1);
    for (const execution of executions) expect((await execution).status).toBe('cancelled');
    await drained;
    expect(clock.scheduled()).toBe(0);
  });

  test('draining ends at once when the last one does', async () => {
    const { engine, finish } = held();
    const execution = recordOf(engine, admitted());
    const drained = engine.drain(30_000);
    await finish();
    await drained;
    expect((await execution).status).toBe('ok');
  });
});

describe('failures', () => {
  test('a lost launcher is SANDBOX_UNAVAILABLE, and isolation is asked for again', async () => {
    let diagnoses = 0;
    let outcome: Outcome = { kind: 'exited', exitCode: 0 };
    const memory = memoryBackend(async () => ({ outcome }));
    const diagnose = () => {
      diagnoses += 1;
      return memory.diagnose();
    };
    const { engine } = setting({ ...memory, diagnose });
    await recordOf(engine, admitted());
    await recordOf(engine, admitted());
    expect(diagnoses).toBe(1);
    outcome = { kind: 'launcher-lost', reason: 'gone' };
    expect(await recordOf(engine, admitted())).toMatchObject({
      status: 'failed',
      error: 'SANDBOX_UNAVAILABLE',
      message: 'launcher lost: gone',
    });
    expect(diagnoses).toBe(2);
  });

  test('while no launcher was seen, no layer is claimed', async () => {
    const diagnose = () => Promise.reject(new BackendUnavailable('refused'));
    const { engine } = setting({ ...memoryBackend(), diagnose });
    const { isolation } = await recordOf(engine, admitted());
    expect(isolation).toMatchObject({ level: 'reduced', layers: [] });
    expect(isolation.missing).toHaveLength(17);
  });

  test('an error of ours is INTERNAL, is logged, and gives its slot back', async () => {
    const { engine, lines } = setting(memoryBackend(() => Promise.reject(new Error('a bug'))));
    const record = await recordOf(engine, admitted());
    expect(record).toMatchObject({ status: 'failed', error: 'INTERNAL' });
    expect(record.message).not.toContain('a bug');
    expect(lines.at(-1)).toContain('a bug');
    expect(engine.load().running).toBe(0);
  });

  test('a missing toolchain has its record, with the isolation, and nothing ran', async () => {
    const { engine } = setting();
    const { recipe: _, ...identity } = admitted();
    const message = 'apt-get install any';
    const record = await engine.missing({ ...identity, language: 'any', version: null, message });
    expect(record).toMatchObject({
      status: 'failed',
      error: 'TOOLCHAIN_MISSING',
      message,
      language: { id: 'any', version: null, toolchain: null },
      time_ms: 0,
      exit_code: null,
      isolation: { level: 'full', missing: [] },
    });
  });
});
