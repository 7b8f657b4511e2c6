import assert from 'node:assert/strict';
import { test } from 'vitest';
import { instanceName } from './launcher-place.js';

test("the launcher's folder is named by the FNV-1a hash of its socket's path", () => {
  assert.equal(instanceName(''), 'gozolite-811c9dc5');
  assert.equal(instanceName('a'), 'gozolite-e40c292c');
  assert.equal(instanceName('foobar'), 'gozolite-bf9cf968');
});
