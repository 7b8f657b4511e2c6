import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { Call } from '../../http/route.js';
import { IDEMPOTENCY_HEADER, keyOf } from './idempotency.js';

const { schema } = IDEMPOTENCY_HEADER['Idempotency-Key'];
const MOST = 'k'.repeat(255);

/** What this reads of a call. */
const callWith = (key: string) =>
  ({
    headers: { 'idempotency-key': key },
    body: Buffer.from('{}'),
    caller: { tenant: 'local' },
    receivedAt: new Date(0),
  }) as unknown as Call;

const rows: readonly (readonly [key: string, name: string | undefined])[] = [
  ['k', 'k'],
  ['"k"', 'k'],
  ['k"', 'k"'],
  ['"a"b"', 'a"b'],
  [MOST, MOST],
  [`"${MOST}"`, MOST],
  [`${MOST}k`, undefined],
  [`"${MOST}k"`, undefined],
  ['"k', undefined],
  ['"', undefined],
  ['""', undefined],
  ['', undefined],
  ['a b', undefined],
  ['"a b"', undefined],
  ['kéy', undefined],
];

test.each(rows)('%s is a key for the server and for OpenAPI, or for neither', (key, name) => {
  const read = keyOf('/execute', callWith(key));
  assert.equal(read.ok ? read.value?.name : undefined, name);
  assert.equal(new RegExp(schema.pattern, 'u').test(key), name !== undefined);
});
