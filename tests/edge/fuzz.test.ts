import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, test } from 'vitest';
import { cheapWorld, type World } from '../contract/world.js';
import { load, run } from '../integration/client.js';
import { type OwnServer, startOwnServer } from '../integration/own-server.js';
import { eventually } from '../server-under-test.js';
import { type Case, caseOf } from './cases/cases.js';
import { fire, type Received } from './fire.js';

/**
 * Connections as no client makes them, each from a seed and a number. To send one of them again:
 * GOZO_TEST_CASE=<number>.
 */
const SEED = 20_261_122;
const COUNT = Number(process.env.GOZO_TEST_FUZZ ?? '5000');
const ONLY = process.env.GOZO_TEST_CASE;
const AT_ONCE = 32;
const HELD_MAX = 200;
const FINE = { language: 'bash', code: 'echo fine', limits: { wall_time_ms: 60_000 } };
/** Of the server's process; 90 MiB at its start, and a few large bodies more. */
const RSS_KB_MAX = 768 * 1024;
const RUN_MS_MAX = 3_600_000;

let world: World;
let server: OwnServer;
let port = 0;
const held = new Set<Socket>();
beforeAll(async () => {
  world = cheapWorld();
  server = await startOwnServer(world.env);
  port = Number(new URL(server.url).port);
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  world[Symbol.dispose]();
});

const statusOf = (name: string): number =>
  Number(
    new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(
      readFileSync(`/proc/${server.child.pid}/status`, 'utf8'),
    )?.[1],
  );
const descriptors = (): number => readdirSync(`/proc/${server.child.pid}/fd`).length;

/** What is wrong with what came back; undefined where nothing is. */
function faultOf({ isAmbiguous }: Case, { text, isClosed }: Received): string | undefined {
  const heads = text.match(/^HTTP\/1\.[01] \d{3}/gm) ?? [];
  if (text !== '' && !/^HTTP\/1\.1 \d{3} /.test(text)) return 'no HTTP';
  if (heads.some((head) => / 5\d\d$/.test(head) && !head.endsWith('503'))) return 'a fault of ours';
  if (/node:internal|\bat [\w.]+ \(|\.ts:\d+|\/packages\//.test(text)) return 'its inside is told';
  if (isAmbiguous !== true) return undefined;
  if (!isClosed) return 'the connection is still open';
  if (heads.length > 1) return 'it was read as more than one request';
  return heads.every((head) => head.endsWith(' 400')) ? undefined : 'it was not refused';
}

async function send(number: number): Promise<void> {
  const one = caseOf(SEED, number);
  const received = await fire(port, one, held);
  const fault = faultOf(one, received);
  if (fault !== undefined) {
    const sent = Buffer.concat(one.pieces).subarray(0, 2000).toString('latin1');
    const told = { number, kind: one.kind, sent, received: received.text.slice(0, 2000) };
    assert.fail(`${fault}: ${JSON.stringify(told)}`);
  }
  for (const oldest of held) {
    if (held.size <= HELD_MAX) break;
    held.delete(oldest);
    oldest.destroy();
  }
}

async function answers(): Promise<void> {
  assert.equal(server.child.exitCode, null);
  assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
  const { stdout } = await run(FINE, server.url);
  assert.equal(stdout, 'fine\n');
  assert.equal(Reflect.get({}, 'polluted'), undefined);
}

test(`${COUNT} broken connections leave it answering, and nothing behind`, {
  timeout: RUN_MS_MAX,
}, async () => {
  await answers();
  const before = descriptors();
  const numbers =
    ONLY === undefined ? Array.from({ length: COUNT }, (_, at) => at) : [Number(ONLY)];
  const waiting = numbers.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const number of waiting) {
        await send(number);
        if (number % 1000 === 999) await answers();
      }
    }),
  );
  for (const socket of held) socket.destroy();
  await answers();
  await eventually(
    'all connections closed',
    120_000,
    () => descriptors() <= before + 8 || undefined,
  );
  assert.deepEqual(await load(server.url), { running: 0, queued: 0, quarantined: 0 });
  const rssKb = statusOf('VmHWM');
  assert.ok(rssKb < RSS_KB_MAX, `${rssKb} KiB at the most`);
});

test('a case is the same however often it is made', () => {
  for (const number of [0, 1, 4999]) {
    assert.deepEqual(caseOf(SEED, number), caseOf(SEED, number));
  }
  const kinds = new Set(Array.from({ length: 200 }, (_, at) => caseOf(SEED, at).kind));
  assert.equal(kinds.size, 9);
});
