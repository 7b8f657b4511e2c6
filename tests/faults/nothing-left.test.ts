import assert from 'node:assert/strict';
import type { Limits } from '@gozolite/contract/limits';
import { afterAll, beforeAll, test } from 'vitest';
import { restingCounts } from './counts.js';
import { endLauncher, type Launcher, script, startLauncher, works } from './launcher.js';

/** Leaves one of everything that outlives a process, says so, and then does what is asked. */
const LITTER = `
import ctypes, os, socket, time
libc = ctypes.CDLL(None, use_errno=True)
made = {
    'shm': libc.shmget(77, 65536, 0o1666), 'sem': libc.semget(77, 4, 0o1666),
    'msg': libc.msgget(77, 0o1666), 'mapped': os.memfd_create('litter'),
}
assert all(value >= 0 for value in made.values()), made
for folder in ('/work', '/tmp', '/dev/shm'):
    os.makedirs(folder + '/a/b/c')
    for name in range(200):
        open(f'{folder}/a/b/c/{name}', 'wb').write(b'x' * 4096)
os.mkfifo('/work/pipe')
listener = socket.socket(socket.AF_UNIX); listener.bind('\\0litter'); listener.listen()
tcp = socket.create_server(('127.0.0.1', 7777))
for _ in range(5):
    if os.fork() == 0:
        os.setsid()
        if os.fork(): os._exit(0)
        time.sleep(600)
print('littered', flush=True)
`;

const ENDS: readonly [string, string, Partial<Limits>, string][] = [
  ['that exits', '', {}, 'exited'],
  ['that kills itself', 'os.kill(os.getpid(), 9)', {}, 'signalled'],
  ['past its wall time', 'time.sleep(60)', { wall_time_ms: 2000 }, 'limit-exceeded'],
  ['past its memory', 'bytearray(1 << 30)', { memory_kb: 65_536 }, 'limit-exceeded'],
  ['past its output', 'while True: print("x" * 9999)', { output_kb: 64 }, 'limit-exceeded'],
  ['past its CPU time', 'while True: pass', { cpu_time_ms: 700 }, 'limit-exceeded'],
];

let launcher: Launcher;
let before: Awaited<ReturnType<typeof restingCounts>>;

beforeAll(async () => {
  launcher = await startLauncher();
  assert.equal(await works(launcher), '42');
  before = await restingCounts(launcher);
});

afterAll(async () => {
  assert.deepEqual(await endLauncher(launcher), []);
});

test('the counts see a launcher at all', () => {
  assert.ok(
    before.namespaces > 30 && before.mounts > 10 && before.tmpfs > 3,
    JSON.stringify(before),
  );
  assert.ok(before.cgroups > 10, JSON.stringify(before));
});

test.each(ENDS)('nothing is left of a program %s', async (_name, end, limits, kind) => {
  const { outcome, stdout } = await littered(end, limits);
  assert.match(Buffer.from(stdout).toString(), /^littered/);
  assert.equal(outcome.kind, kind, JSON.stringify(outcome));
  assert.deepEqual(await restingCounts(launcher), before);
});

test('nothing is left of a program whose caller went', async () => {
  const abort = new AbortController();
  const { outcome } = await littered('time.sleep(60)', {}, abort);
  assert.equal(outcome.kind, 'cancelled');
  assert.deepEqual(await restingCounts(launcher), before);
});

test('a layer is held as long as its owner holds it, and no longer', async () => {
  const command = { ...script('head -c 20M /dev/zero > large'), keepOutput: true };
  const { layer } = await launcher.backend.run(command, optionsOf(new AbortController()));
  assert.ok(layer !== undefined);
  const held = await restingCounts(launcher);
  assert.equal(held.tmpfs, before.tmpfs + 1, JSON.stringify(held));
  await layer[Symbol.asyncDispose]();
  assert.deepEqual(await restingCounts(launcher), before);
});

const optionsOf = (abort: AbortController, onOutput = () => {}) => ({
  signal: abort.signal,
  onOutput,
});

/** Runs it; `abort` is used as soon as it has said that it littered. */
function littered(end: string, limits: Partial<Limits>, abort?: AbortController) {
  const program = `${LITTER}${end}\n`;
  const command = { ...script(`exec /usr/bin/python3 -I -`, limits), stdin: Buffer.from(program) };
  const leaves = abort ?? new AbortController();
  return launcher.backend.run(
    command,
    optionsOf(leaves, () => abort?.abort()),
  );
}
