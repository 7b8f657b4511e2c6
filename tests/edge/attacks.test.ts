import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeKey } from '@gozolite/tenancy/keys/format';
import { afterAll, beforeAll, test } from 'vitest';
import { cheapWorld, type World } from '../contract/world.js';
import { type Keyed, startKeyed } from '../service/keyed-server.js';
import { randomOf } from './cases/random.js';

/** Attacks on keys, quotas and rates, over HTTP, with their counts. */

const QUOTA = 10;
const BURST = 20;
const PER_S = 0.05;
const HELLO = { language: 'bash', code: 'echo hello' };
const folder = mkdtempSync(join(tmpdir(), 'gozolite-policies-'));
writeFileSync(join(folder, 'ten.yaml'), `quotas: { day: { executions: ${QUOTA} } }`);
writeFileSync(
  join(folder, 'burst.yaml'),
  `rate: { requests: { per_s: ${PER_S}, burst: ${BURST} } }`,
);

let world: World;
let keyed: Keyed;
beforeAll(async () => {
  world = cheapWorld();
  keyed = await startKeyed('postgres', { ...world.env, GOZO_POLICIES: folder });
});
afterAll(async () => {
  await keyed?.[Symbol.asyncDispose]();
  world[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

interface Asked {
  readonly status: number;
  readonly text: string;
  readonly ms: number;
}

interface Asking {
  readonly path?: string;
  readonly key?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly agent?: Agent;
}

/** From any address of loopback, which `fetch` can't choose. */
function ask({ path = '/capabilities', key, body, headers, agent }: Asking): Promise<Asked> {
  const own = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  const options = {
    method: body === undefined ? 'GET' : 'POST',
    headers: { ...own, ...type, ...headers },
    ...(agent === undefined ? {} : { agent }),
  };
  return new Promise((resolve, reject) => {
    const beganMs = performance.now();
    const sent = request(`${keyed.server.url}${path}`, options, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      answer.once('error', reject);
      answer.once('end', () => {
        resolve({ status: answer.statusCode ?? 0, text, ms: performance.now() - beganMs });
      });
    });
    sent.once('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Counts are what an attack's test is for: whoever runs it sees them. */
function say(attack: string, counts: Readonly<Record<string, number>>): void {
  const words = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
  process.stdout.write(`${attack}: ${words.join(', ')}\n`);
}

function countsOf(all: readonly Asked[]): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const { status } of all) counts.set(status, (counts.get(status) ?? 0) + 1);
  return counts;
}

test('100 at once by every door against a quota of 10: 10 run', async () => {
  const { key, gozo } = await keyed.tenant('ten');
  const batch = { executions: Array.from({ length: 5 }, () => HELLO) };
  const doors = Array.from({ length: 40 }, (_, at): readonly Asking[] => [
    { path: '/execute', key, body: HELLO },
    { path: '/executions', key, body: HELLO },
    ...(at % 10 === 0 ? [{ path: '/executions/batch', key, body: batch }] : []),
  ]).flat();
  const all = await Promise.all(doors.map(ask));
  const ran = all.filter(({ status, text }) => status === 200 && text.includes('"stdout":"hello'));
  const accepted = all.filter(({ status }) => status === 202);
  const members = accepted.flatMap(({ text }) => text.match(/"id":"exe_/g) ?? []);
  assert.equal(ran.length + members.length, QUOTA, JSON.stringify([...countsOf(all)]));
  const used = (await gozo.usage()).day.executions.used;
  assert.equal(used, QUOTA);
  say(`a quota of ${QUOTA}`, {
    'requests at once': all.length,
    'executions asked for': doors.reduce((sum, { body }) => sum + (body === batch ? 5 : 1), 0),
    ran: ran.length + members.length,
    counted: used,
  });
  // Nothing comes free later either.
  const late = await Promise.all(doors.slice(0, 20).map(ask));
  assert.deepEqual(
    late.filter(({ text }) => text.includes('"id":"exe_')),
    [],
  );
});

test('200 at once, under names of their own, get no more than the rate', async () => {
  const { key } = await keyed.tenant('burst');
  const beganMs = performance.now();
  const all = await Promise.all(
    Array.from({ length: 200 }, (_, at) =>
      ask({
        path: '/execute',
        key,
        body: { ...HELLO, labels: { at: String(at) } },
        headers: { 'x-forwarded-for': `10.0.0.${at}`, 'x-request-id': `other-${at}` },
      }),
    ),
  );
  const more = Math.ceil(((performance.now() - beganMs) / 1000) * PER_S);
  const ran = countsOf(all).get(200) ?? 0;
  assert.ok(ran >= BURST && ran <= BURST + more, JSON.stringify([...countsOf(all)]));
  const refused = countsOf(all).get(429) ?? 0;
  assert.equal(ran + refused, 200);
  say(`a burst of ${BURST}`, { 'requests at once': 200, ran, refused });
});

test('of 1,000 guesses some ten are looked at, whatever address they claim to be of', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 8, localAddress: '127.9.9.9' });
  const all: Asked[] = [];
  const beganMs = performance.now();
  for (let round = 0; round < 50; round += 1) {
    const guesses = Array.from({ length: 20 }, (_, at) => {
      const claimed = `10.${round}.${at}.1`;
      const headers = {
        'x-forwarded-for': claimed,
        forwarded: `for=${claimed}`,
        'x-real-ip': claimed,
        'cf-connecting-ip': claimed,
        'true-client-ip': claimed,
        'x-client-ip': claimed,
      };
      return ask({ key: makeKey(), headers, agent });
    });
    all.push(...(await Promise.all(guesses)));
  }
  const counts = countsOf(all);
  assert.deepEqual([...counts.keys()].sort(), [401, 429]);
  const more = Math.ceil((performance.now() - beganMs) / 6000); // One more each six seconds.
  assert.ok((counts.get(401) ?? 0) <= 10 + more, JSON.stringify([...counts]));
  say('guesses of keys', {
    sent: all.length,
    'looked at': counts.get(401) ?? 0,
    throttled: counts.get(429) ?? 0,
  });
  // Who is elsewhere is not held up, whatever address the headers claim.
  const elsewhere = new Agent({ localAddress: '127.9.9.10' });
  const other = { 'x-forwarded-for': '127.9.9.9' };
  assert.equal((await ask({ key: keyed.adminKey, agent: elsewhere, headers: other })).status, 200);
  agent.destroy();
});

/** A key that differs from a right one in its last bit and in its checksum alone. */
function neighbourOf(key: string): string {
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  let number = 0n;
  for (const digit of key.slice(4, -6)) number = number * 62n + BigInt(digits.indexOf(digit));
  const hex = (number ^ 1n).toString(16).padStart(64, '0');
  return makeKey(() => Buffer.from(hex, 'hex'));
}

const PAIRS = 1000;
const PAIRS_OF_ADDRESS = 4;

/**
 * No bound in milliseconds, so nothing else that this machine does can fail it: of two requests
 * that follow each other, in random order, the one with the nearly right key is to be the slower
 * one as often as not. Six standard deviations of that are once in 500 million runs.
 */
test('how long a wrong key takes does not tell how wrong it is', async () => {
  const { key } = await keyed.tenant('timed');
  assert.equal((await ask({ key })).status, 200);
  const near = neighbourOf(key);
  assert.equal(near.slice(0, 44), key.slice(0, 44));
  assert.notEqual(near, key);
  const random = randomOf(7);
  let slower = 0;
  for (let pair = 0; pair < PAIRS; ) {
    // Each address has ten guesses, and a connection that is warm.
    const localAddress = `127.8.${pair >> 8}.${1 + (pair & 0xff)}`;
    const agent = new Agent({ keepAlive: true, maxSockets: 1, localAddress });
    await ask({ path: '/healthz', agent });
    for (const end = pair + PAIRS_OF_ADDRESS; pair < end; pair += 1) {
      const isNearFirst = random.chance(0.5);
      const far = makeKey();
      const first = await ask({ key: isNearFirst ? near : far, agent });
      const second = await ask({ key: isNearFirst ? far : near, agent });
      assert.deepEqual([first.status, second.status], [401, 401]);
      if (first.ms > second.ms === isNearFirst) slower += 1;
    }
    agent.destroy();
  }
  say('pairs of a nearly right and a random key', {
    timed: PAIRS,
    'in which the nearly right one took longer': slower,
  });
  const deviations = Math.abs(slower - PAIRS / 2) / (Math.sqrt(PAIRS) / 2);
  assert.ok(deviations < 6, `the nearly right key was slower ${slower} times of ${PAIRS}`);
});
