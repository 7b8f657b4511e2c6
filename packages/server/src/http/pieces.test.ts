import assert from 'node:assert/strict';
import { test } from 'vitest';
import { toJson } from './pieces.js';

const LONG = 300_000;

async function whole(value: unknown): Promise<string> {
  const { body } = toJson(value);
  if (typeof body === 'string') return body;
  let text = '';
  for await (const piece of body) text += piece;
  return text;
}

const VALUES = {
  'a record without long strings': { status: 'ok', nested: { none: null, list: [1, 'two'] } },
  'a long string': { before: 1, stdout: 'x'.repeat(LONG), after: true },
  'several, within lists and objects': {
    artifacts: [{ content: 'a"\n'.repeat(LONG) }, { content: 'b'.repeat(LONG), undefined }],
    run: { stderr: '\u0001\\'.repeat(LONG) },
  },
  'pairs of surrogates at every offset': ['😀'.repeat(LONG), `x${'😀'.repeat(LONG)}`],
  'half a pair': { stdout: `${'y'.repeat(LONG)}\ud83d` },
};

for (const [name, value] of Object.entries(VALUES)) {
  test(`${name}: the pieces are what JSON.stringify writes`, async () => {
    assert.equal(await whole(value), JSON.stringify(value));
  });
}

test('others come between the pieces of a long string', async () => {
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
  }, 0);
  await whole({ stdout: 'x'.repeat(16 << 20) });
  clearInterval(timer);
  assert.ok(turns > 3, `${turns} turns`);
});
