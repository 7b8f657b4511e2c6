import assert from 'node:assert/strict';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { tenancyForTests } from '../tenancy-under-test.js';
import { openKeySecret } from './secret.js';

test('it is 256 random bits in a file of its owner alone, and stays what it is', async () => {
  await using own = await tenancyForTests();
  const file = join(own.folder, 'key-secret');
  assert.match(readFileSync(file, 'utf8'), /^[0-9a-f]{64}\n$/);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const again = await openKeySecret(file, own.store);
  assert.equal(again('x'), own.keyHash('x'));
});

test('one that is gone, or another, is noticed at the start', async () => {
  await using own = await tenancyForTests();
  const file = join(own.folder, 'key-secret');
  rmSync(file);
  await assert.rejects(openKeySecret(file, own.store), /not the secret/);
  writeFileSync(file, 'short\n');
  await assert.rejects(openKeySecret(file, own.store), /64 hexadecimal/);
  await assert.rejects(openKeySecret('/proc/none/secret', own.store), /can't be read/);
});
