import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import { eventually } from '../server-under-test.js';
import { python, start } from './sandboxes.js';
import { startWorld, type World } from './world.js';

/** However a sandbox, its caller, its egress process or its launcher ends: nothing is left. */
let world: World;
let descriptors = 0;

beforeAll(async () => {
  world = await startWorld(['api.example.com:7']);
  await python(world, '', { allow: [] });
  descriptors = await settled();
}, 60_000);

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});

/** Descriptors of the launcher when nothing runs and it has stocked up: the same twice in a row. */
async function settled(): Promise<number> {
  let last = -1;
  return eventually('nothing of a sandbox is left', 10_000, async () => {
    const left = await world.left();
    const same = left.descriptors === last && left.egress === 0 && left.hosts.length === 0;
    last = left.descriptors;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return same ? last : undefined;
  });
}

const held = `
connection = connect('api.example.com', 7)
connection.sendall(b'x'); connection.recv(1)
print('connected')
time.sleep(60)`;
const allow = ['api.example.com:7'];

/** Connections to the internet that the other side has not seen the end of. */
const open = async () => (await world.seen()).reached.filter(({ ended }) => ended === null).length;

test('a sandbox that meets its time takes its connections with it', async () => {
  const before = await open();
  const limits = { wall_time_ms: 3000 };
  const { result, log } = await python(world, held, { allow, limits });
  assert.equal(result.outcome.kind, 'limit-exceeded');
  assert.equal(log.length, 1);
  await eventually('the other side sees the end', 5000, async () =>
    (await open()) <= before ? true : undefined,
  );
});

test('a caller that goes away takes the connections with it', async () => {
  const before = await open();
  const sandbox = start(world, held, { allow });
  await sandbox.spoke;
  assert.equal(await open(), before + 1);
  sandbox.cancel();
  assert.equal((await sandbox.ended).result.outcome.kind, 'cancelled');
  await eventually('the other side sees the end', 5000, async () =>
    (await open()) <= before ? true : undefined,
  );
});

test('an egress process that is killed costs the connections, and the run goes on', async () => {
  const code = `
connection = connect('api.example.com', 7)
connection.sendall(b'x'); connection.recv(1)
print('connected')
try:
  print(len(connection.recv(1)))
except ConnectionResetError:
  print(0)
print(said('api.example.com', 7))`;
  await settled();
  const sandbox = start(world, code, { allow });
  await sandbox.spoke;
  assert.equal(await world.killEgress(), 1);
  const { stdout, result, log } = await sandbox.ended;
  // Reset, where the kernel took the connection while the process that listened was ending.
  assert.match(stdout, /^connected\n0\nECONNRE(FUSED|SET)\n$/);
  assert.deepEqual(result.outcome, { kind: 'exited', exitCode: 0 });
  assert.deepEqual(log, ['api.example.com:7 egress_lost']);
});

test('the egress process has nothing but the network', async () => {
  await settled();
  const sandbox = start(world, held, { allow });
  await sandbox.spoke;
  const [facts, ...more] = await world.egress();
  assert.ok(facts !== undefined);
  sandbox.cancel();
  await sandbox.ended;
  assert.equal(more.length, 0);
  const { Uid = '', Gid, ...rest } = facts;
  assert.match(Uid, /^(13421\d{5})\t\1\t\1\t\1$/);
  assert.equal(Gid, Uid);
  const none = '0000000000000000';
  assert.deepEqual(rest, {
    ...{ Name: 'gozo-egress', Groups: '', NoNewPrivs: '1', Seccomp: '2' },
    ...{ CapEff: none, CapPrm: none, CapInh: none, CapBnd: none, CapAmb: none },
    ...{ root: [], environment: '' },
  });
});

test('nothing of all that is left', async () => {
  assert.ok((await settled()) <= descriptors);
  assert.equal((await world.backend.diagnose()).quarantined, 0);
});

test('a launcher that is killed takes its egress processes with it', async () => {
  const sandbox = start(world, held, { allow });
  await sandbox.spoke;
  await world.killLauncher();
  assert.equal((await sandbox.ended).result.outcome.kind, 'launcher-lost');
  await eventually('no egress process', 5000, async () =>
    (await world.egress()).length === 0 ? true : undefined,
  );
});
