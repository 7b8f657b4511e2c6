import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import { eventually } from '../server-under-test.js';
import { API, DISCARD_API, ECHO, ENDLESS_API, NEIGHBOUR, NETWORK_ATTACKS } from './attack-rows.js';
import { python, start } from './sandboxes.js';
import { startWorld, type World } from './world.js';

/** Attacks of runs that may connect to something, by which they want to get to something else. */
let world: World;

beforeAll(async () => {
  const others = ['other.example.com:7', 'metadata.example.com:7'];
  world = await startWorld([API, DISCARD_API, ENDLESS_API, ...others]);
}, 60_000);

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});

const reached = async (): Promise<number> =>
  (await world.seen()).reached.filter(({ place }) => place !== 'names').length;

/** The same, when nothing of an earlier row is on its way any more. */
const reachedBefore = (): Promise<number> =>
  eventually('two equal counts', 10_000, async () => {
    const first = await reached();
    await new Promise((resolve) => setTimeout(resolve, 50));
    return (await reached()) === first ? first : undefined;
  });

test.each(NETWORK_ATTACKS)('$id: $title', async ({ allow = [API], caps, ...attack }) => {
  const { answers } = attack;
  if (answers !== undefined) assert.equal(await world.reach(answers, ECHO), true, answers);
  const before = await reachedBefore();
  const more = caps === undefined ? {} : { caps };
  const { stdout, stderr, result } = await python(world, attack.code, { allow, ...more });
  assert.match(stdout, attack.stdout, stderr);
  const connections = result.connections ?? [];
  assert.match(connections.map(({ outcome }) => outcome).join(' '), attack.outcomes);
  if (attack.received !== undefined) {
    const received = connections.reduce((sum, { bytes_received }) => sum + bytes_received, 0);
    assert.equal(received, attack.received);
  }
  assert.ok((await reached()) - before <= attack.reachedMax, 'somebody else was reached');
});

test(`${NEIGHBOUR.id}: ${NEIGHBOUR.title}`, async () => {
  const beside = start(
    world,
    `
held = connect('other.example.com', 7)
held.sendall(b'x'); held.recv(1)
print('open'); time.sleep(60)`,
    { allow: ['other.example.com:7', 'metadata.example.com:7', ENDLESS_API] },
  );
  await beside.spoke;
  const before = await reachedBefore();
  const code = `
mine = socket.gethostbyname('api.example.com')
found = []
for last in range(1, 255):
    for port in (7, 9, 19, 443):
        with socket.socket() as handle:
            if handle.connect_ex((f'127.64.0.{last}', port)) == 0:
                found.append((f'127.64.0.{last}', port))
print(found == [(mine, 9)])`;
  const { stdout, stderr } = await python(world, code, { allow: [DISCARD_API] });
  assert.equal(stdout, 'True\n', stderr);
  assert.ok((await reached()) - before <= 1, 'somebody else was reached');
  beside.cancel();
  assert.equal((await beside.ended).stdout, 'open\n', 'the neighbour had its own way out');
});
