import assert from 'node:assert/strict';
import { errors, type JSONWebKeySet } from 'jose';
import { test } from 'vitest';
import { makeIssuerKey } from './issuer-under-test.js';
import { createKeySet, IssuerAway } from './key-set.js';

const times = { refreshMs: 600_000, retryMs: 600_000, cooldownMs: 30_000, staleMs: 86_400_000 };

async function setting() {
  const [first, second] = await Promise.all(['a', 'b'].map((kid) => makeIssuerKey('ES256', kid)));
  assert.ok(first && second);
  const source = { keys: { keys: [first.jwk] } as JSONWebKeySet | Error, looks: 0, now: 0 };
  const told: unknown[] = [];
  const load = async () => {
    source.looks += 1;
    if (source.keys instanceof Error) throw source.keys;
    return source.keys;
  };
  const set = createKeySet({ load, nowMs: () => source.now, onChange: (x) => told.push(x), times });
  await set.first;
  const ask = async (kid: string) => {
    try {
      await set.keyFor({ alg: 'ES256', kid }, { payload: '', signature: '' });
      return 'known';
    } catch (error) {
      if (error instanceof IssuerAway) return 'away';
      assert.ok(error instanceof errors.JWKSNoMatchingKey);
      return 'unknown';
    }
  };
  return { ...{ source, told, ask, second }, [Symbol.dispose]: () => set[Symbol.dispose]() };
}

test('whoever asks for keys that do not exist makes it look ever less often', async () => {
  using own = await setting();
  const looksAt: number[] = [];
  for (let second = 0; second < 3600; second += 1) {
    own.source.now = second * 1000;
    const before = own.source.looks;
    for (let times = 0; times < 3; times += 1) assert.equal(await own.ask(`x${second}`), 'unknown');
    if (own.source.looks > before) looksAt.push(second);
  }
  assert.deepEqual(looksAt, [0, 30, 90, 210, 450, 930, 1530, 2130, 2730, 3330]);
});

test('a hundred at once look once, and a look that finds one may come as soon again', async () => {
  using own = await setting();
  own.source.keys = { keys: [own.second.jwk] };
  const all = await Promise.all(Array.from({ length: 100 }, () => own.ask('b')));
  assert.deepEqual(new Set(all), new Set(['known']));
  assert.equal(own.source.looks, 2);
  assert.equal(await own.ask('a'), 'unknown');
  assert.equal(own.source.looks, 2, 'not before its time');
  own.source.now = 30_000;
  assert.equal(await own.ask('a'), 'unknown');
  assert.equal(own.source.looks, 3);
});

test('an issuer that is away takes nothing away for a day, and is told of once', async () => {
  using own = await setting();
  own.source.keys = new Error('away');
  for (const now of [0, 3_600_000, 86_400_000]) {
    own.source.now = now;
    assert.equal(await own.ask('none'), 'unknown');
    assert.equal(await own.ask('a'), 'known');
  }
  assert.equal(own.told.length, 1);
  own.source.now = 86_400_001;
  assert.equal(await own.ask('a'), 'away');
});
