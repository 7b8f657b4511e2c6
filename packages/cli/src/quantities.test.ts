import assert from 'node:assert/strict';
import { test } from 'vitest';
import { parseDuration, parseSize } from './quantities.js';

for (const [text, ms] of [
  ['500ms', 500],
  ['5s', 5000],
  ['5', 5000],
  ['1.5s', 1500],
  ['2m', 120_000],
  ['5S', 5000],
] as const) {
  test(`the duration ${text} is ${ms} ms`, () => {
    assert.deepEqual(parseDuration(text), { ok: true, value: ms });
  });
}

for (const [text, kb] of [
  ['512k', 512],
  ['256m', 262_144],
  ['256', 262_144],
  ['1g', 1_048_576],
  ['0.5G', 524_288],
  ['256MB', 262_144],
  ['256MiB', 262_144],
] as const) {
  test(`the size ${text} is ${kb} KiB`, () => {
    assert.deepEqual(parseSize(text), { ok: true, value: kb });
  });
}

for (const text of ['', 's', '-1s', '5h', '1e3', '5 s s', 'constructor', '1constructor']) {
  test(`${JSON.stringify(text)} is neither`, () => {
    assert.equal(parseDuration(text).ok, false);
    assert.equal(parseSize(text).ok, false);
  });
}
