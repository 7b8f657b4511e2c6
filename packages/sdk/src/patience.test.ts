import assert from 'node:assert/strict';
import { test } from 'vitest';
import { GozoProblem } from './errors.js';
import { patiently } from './patience.js';

function problem(code: 'OVERLOADED' | 'RATE_LIMITED', limit?: string): GozoProblem {
  const said = { type: 'x', title: 'x', status: 429, code, detail: 'x', request_id: 'r' };
  return new GozoProblem({ ...said, ...(limit && { limit: { name: limit, remaining: 0 } }) }, 1);
}

/** Fails with each of these, then answers. */
function answering(...failures: readonly Error[]) {
  const left = [...failures];
  return async () => {
    const failure = left.shift();
    if (failure !== undefined) throw failure;
    return 'there';
  };
}

test('too many connections: it is asked again until there is room', async () => {
  const ask = answering(problem('RATE_LIMITED', 'connections'), problem('OVERLOADED'));
  assert.equal(await patiently(ask, {}), 'there');
});

test('another limit is told, and so is any other failure', async () => {
  const paced = problem('RATE_LIMITED', 'requests');
  await assert.rejects(patiently(answering(paced), {}), paced);
  const broken = new TypeError('broken');
  await assert.rejects(patiently(answering(broken), {}), broken);
});

test('who gives up meanwhile is not asked for', async () => {
  const leaving = new AbortController();
  const asked = patiently(answering(problem('OVERLOADED')), { signal: leaving.signal });
  leaving.abort(new Error('enough'));
  await assert.rejects(asked, /enough/);
});
