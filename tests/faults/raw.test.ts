import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { eventually } from '../server-under-test.js';
import { restingCounts } from './counts.js';
import {
  endLauncher,
  type Launcher,
  nameOf,
  processesOf,
  startLauncher,
  works,
} from './launcher.js';
import {
  ask,
  DIGEST,
  END_OF_INPUT,
  frame,
  HELLO,
  LEARN,
  LIMITS,
  prefix,
  RECIPE,
  start,
  talk,
} from './wire.js';

/** A server that was taken over speaks: it gets sandboxes within the ceilings, and nothing else. */

let launcher: Launcher;
const path = () => launcher.socket;

beforeAll(async () => {
  launcher = await startLauncher();
  assert.equal(await ask(path(), HELLO, LEARN, frame({ type: 'nonsense' })), 'PROTOCOL');
});

afterAll(async () => {
  assert.equal(await works(launcher), '42');
  assert.deepEqual(await endLauncher(launcher), []);
});

const recipe = (changed: object, digest = 'ab'.repeat(32)) =>
  frame({ type: 'recipe', digest, recipe: { ...RECIPE, ...changed } });
const run = (...frames: readonly Uint8Array[]) => ask(path(), HELLO, ...frames);
const file = (name: string, more: object = {}) =>
  frame({ type: 'file', path: name, ...more }, 'content');
const code = (text: string, changed: object = {}) => start(changed, { args: [text] });

const BEYOND: Readonly<Record<keyof typeof LIMITS, readonly unknown[]>> = {
  wall_time_ms: [0, 600_001, -1, 1e300],
  cpu_time_ms: [0, 600_001],
  memory_kb: [511, 64 * 1024 * 1024 + 1, 2 ** 53],
  stack_kb: [63, 1024 * 1024 + 1],
  cpus: [0, 4096, 0.5],
  output_kb: [256 * 1024 + 1, '1'],
  disk_kb: [3, 1024 * 1024 + 1, '64,nr_inodes=0'],
  file_kb: [1024 * 1024 + 1],
  processes: [0, 513, null],
  open_files: [7, 4097],
};

describe('limits past the ceilings are refused', () => {
  test.each(Object.entries(BEYOND))('%s', async (name, values) => {
    for (const value of values) {
      const said = await run(start({ limits: { ...LIMITS, [name]: value } }), END_OF_INPUT);
      assert.ok(['LIMIT', 'PROTOCOL'].includes(said), `${name} ${value}: ${said}`);
    }
  });

  test('a limit of another name, or none', async () => {
    assert.equal(await run(start({ limits: { ...LIMITS, rootfs: '/' } })), 'PROTOCOL');
    assert.equal(await run(start({ limits: {} })), 'PROTOCOL');
  });
});

describe('no recipe adds a root file system or a program of its own', () => {
  const rows: readonly [string, object][] = [
    ['a path for a rootfs', { rootfs: '/' }],
    ['a way up', { rootfs: '../host' }],
    ['a rootfs with a NUL', { rootfs: 'host\0' }],
    ['a pack, where there are none', { rootfs: 'ab'.repeat(32) }],
    ['a relative program', { command: ['bash'] }],
    ['no program', { command: [] }],
    ['a mount beside the rest', { rootfs: ['host', '/root'] }],
  ];
  test.each(rows)('%s', async (_name, changed) => {
    assert.match(await run(recipe(changed)), /^(RECIPE|PROTOCOL)$/);
  });

  test('a digest that leads elsewhere, and one that names another recipe already', async () => {
    assert.equal(await run(recipe({}, '../../etc/passwd')), 'RECIPE');
    assert.equal(await run(recipe({ command: ['/bin/sh'] }, DIGEST)), 'RECIPE');
  });

  test('members that are not known give nothing', async () => {
    const more = {
      uid: 0,
      mounts: ['/'],
      net: 'host',
      privileged: true,
      rootfs: '/',
      host_id: 0,
    };
    const { socket, all } = await talk(path(), HELLO, code('id -u; ls /root', more), END_OF_INPUT);
    assert.deepEqual((await all).at(-1)?.outcome?.kind, 'exited');
    socket.destroy();
  });
});

describe('no file is written outside of the workspace', () => {
  const names = ['../x', '/etc/x', 'a/../../x', 'a//x', './x', 'x/', '', 'a\0b', 'x'.repeat(256)];
  test.each(names)('%j', async (name) => {
    assert.equal(await run(start(), file(name)), 'PATH');
  });

  test('nor through links, FIFOs and folders that a compile left', async () => {
    const left = 'ln -s /etc etc; ln -s /proc/self/root root; mkfifo pipe; mkdir d; ln -s .. d/up';
    const compiler = await talk(path(), HELLO, code(left, { keep: true }), END_OF_INPUT);
    const layer = (await compiler.all).at(-1)?.layer;
    assert.ok(layer !== undefined);
    for (const name of ['etc/x', 'root/etc/x', 'd/up/up/x', 'pipe/x']) {
      assert.equal(await run(start({ layer }), file(name)), 'PATH', name);
    }
    assert.equal(await run(start({ layer }), file('pipe', { append: true })), 'PATH');
    assert.equal(await run(start({ layer }), file('etc', { append: true })), 'PATH');
    const globs = { args: ['true'], artifacts: ['**', 'etc/passwd', 'root/etc/passwd'] };
    const { socket, all } = await talk(path(), HELLO, start({ layer }, globs), END_OF_INPUT);
    assert.deepEqual(
      (await all).map(({ type }) => type),
      ['hello', 'started', 'end'],
    );
    socket.destroy();
    compiler.socket.destroy();
  });
});

test('a layer is its owner’s handle, and ends with its connection', async () => {
  for (const layer of ['', '0'.repeat(32), '../s1', 's1', `${'0'.repeat(32)}\0`]) {
    assert.equal(await run(start({ layer }), END_OF_INPUT), 'LAYER', layer);
  }
  const compiler = await talk(path(), HELLO, code('echo > made', { keep: true }), END_OF_INPUT);
  const layer = (await compiler.all).at(-1)?.layer;
  assert.match(layer ?? '', /^[0-9a-f]{32}$/);
  compiler.socket.destroy();
  await eventually('the layer is gone', 5000, async () => {
    return (await run(start({ layer }), END_OF_INPUT)) === 'LAYER' || undefined;
  });
});

describe('what is no message closes the connection, and only that', () => {
  const rows: readonly [string, readonly Uint8Array[]][] = [
    ['a giant header', [prefix(0xffff_ffff, 0)]],
    ['a giant payload', [prefix(2, 0xffff_ffff), Buffer.from('{}')]],
    ['no header', [prefix(0, 0)]],
    ['garbage', [Buffer.from('GET / HTTP/1.1\r\n\r\n')]],
    ['JSON that is too deep', [frame(`{"type":"hello","version":${'['.repeat(5000)}`)]],
    ['a message out of order', [END_OF_INPUT]],
    ['two greetings', [HELLO, HELLO]],
    ['a start on a control connection', [HELLO, frame({ type: 'diagnose' }), start()]],
    ['words that are no JSON', [HELLO, start({}, '{"args":')]],
    ['too many arguments', [HELLO, start({}, { args: Array(5000).fill('a') }), END_OF_INPUT]],
    ['an argument with a NUL', [HELLO, start({}, { args: ['a\0b'] }), END_OF_INPUT]],
    ['65 globs', [HELLO, start({}, { artifacts: Array(65).fill('*') })]],
  ];
  test.each(rows)('%s', async (_name, frames) => {
    assert.equal(await ask(path(), ...frames), 'PROTOCOL');
  });

  test('an old version', async () => {
    assert.equal(await ask(path(), frame({ type: 'hello', version: 0 })), 'VERSION');
  });
});

test('recipes are counted: the one used longest ago makes room, and is told again', async () => {
  const digest = (at: number) => at.toString(16).padStart(64, '0');
  const many = Array.from({ length: 1100 }, (_, at) =>
    recipe({ command: [`/bin/${at}`] }, digest(at)),
  );
  const last = frame({ type: 'nonsense' });
  const { socket, all } = await talk(path(), HELLO, ...many, last);
  const said = await all;
  socket.destroy();
  assert.equal(said.filter(({ type }) => type === 'recipe_ok').length, 1100);
  assert.equal(said.at(-1)?.code, 'PROTOCOL');
  const using = (at: number) => run(start({ recipe: digest(at), args: [] }), END_OF_INPUT);
  assert.equal(await using(0), 'RECIPE');
  assert.equal(await using(1099), 'setup-failed', 'it is known, and its program is not there');
  assert.equal(await works(launcher), '42', 'the backend tells it again');
});

test('a recipe that is refused leaves the connection to the next one', async () => {
  const frames = [recipe({ rootfs: '/' }), recipe({}, 'cd'.repeat(32)), frame({ type: 'stdin' })];
  const socket = connect(path());
  await once(socket, 'connect');
  let said = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    said += text;
  });
  for (const each of [HELLO, ...frames]) socket.write(each);
  await eventually('three answers', 10_000, () => said.includes('PROTOCOL') || undefined);
  socket.destroy();
  assert.match(said, /"code":"RECIPE".*recipe_ok.*"code":"PROTOCOL"/s);
});

test('half-open and slow clients hold nobody up, and leave nothing when they go', async () => {
  const before = await restingCounts(launcher);
  const greeting = Buffer.concat([HELLO, start()]);
  const clients = await Promise.all(
    Array.from({ length: 40 }, async (_, at) => {
      const socket = connect(path()).on('error', () => {});
      await once(socket, 'connect');
      // Nothing, a piece of a length, half a header, or files without an end.
      socket.write(greeting.subarray(0, [0, 3, 30, greeting.length][at % 4]));
      return socket;
    }),
  );
  const dribble = setInterval(() => clients.at(2)?.write(greeting.subarray(30, 31)), 5);
  assert.equal(await works(launcher), '42');
  clearInterval(dribble);
  for (const socket of clients) socket.destroy();
  assert.deepEqual(await restingCounts(launcher), before);
});

test('more connections than slots: as many sandboxes as slots, the rest are told', async () => {
  const talks = await Promise.all(
    Array.from({ length: 80 }, () => talk(path(), HELLO, code('sleep 60'), END_OF_INPUT)),
  );
  const busy = await eventually('refusals', 20_000, () => {
    const count = talks.filter((each) => each.standing() === 'BUSY').length;
    return count >= 80 - 64 ? count : undefined;
  });
  assert.ok(busy < 80, 'some of them run');
  for (const { socket } of talks) socket.destroy();
  await eventually('no program runs', 20_000, () => {
    return !processesOf(launcher).some((pid) => nameOf(pid) === 'sleep') || undefined;
  });
  // A uid comes back only when its sandbox is proven gone.
  await eventually('a slot', 20_000, async () => (await works(launcher)) === '42' || undefined);
});

test('after all of this the launcher holds what it held when it was new', async () => {
  const fresh = await startLauncher();
  assert.equal(await works(fresh), '42');
  assert.deepEqual(await restingCounts(launcher), await restingCounts(fresh));
  assert.deepEqual(await endLauncher(fresh), []);
});
