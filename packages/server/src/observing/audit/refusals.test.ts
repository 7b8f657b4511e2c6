import assert from 'node:assert/strict';
import type { Refusal } from '@gozolite/contract/refusal';
import type { AuditEvent } from '@gozolite/store/audit/log/entry';
import { test } from 'vitest';
import type { Seen } from '../../http/seen.js';
import { createRefusals } from './refusals.js';

const WRONG: Refusal = { code: 'UNAUTHENTICATED', detail: 'no' };
const SEEN: Seen = {
  ...{ requestId: 'req_1', route: '/execute', method: 'POST', status: 401 },
  ...{ isAborted: false, ms: 1, address: '127.0.0.1', caller: undefined, refusal: WRONG },
};

function told() {
  const events: AuditEvent[] = [];
  let now = 0;
  const recorder = { record: (event: AuditEvent) => events.push(event) };
  const refusals = createRefusals({ recorder, nowMs: () => now });
  return {
    ...{ events, refusals },
    pass: (ms: number) => {
      now += ms;
    },
  };
}

test('ten of a kind are told one by one, the rest by number when the minute is over', () => {
  const { events, refusals, pass } = told();
  for (let times = 0; times < 5000; times += 1) refusals.seen(SEEN);
  refusals.seen({ ...SEEN, route: '/admin/keys' });
  assert.equal(events.length, 11);
  assert.deepEqual(events[0], {
    ...{ kind: 'refused', code: 'UNAUTHENTICATED', method: 'POST', route: '/execute' },
    ...{ request_id: 'req_1', address: '127.0.0.1' },
  });
  refusals.flush();
  assert.equal(events.length, 11);
  pass(60_000);
  refusals.flush();
  const summed = { count: 4990, since: '1970-01-01T00:00:00.000Z' };
  assert.deepEqual(events.slice(11), [
    {
      ...{ kind: 'refused', code: 'UNAUTHENTICATED', method: 'POST', route: '/execute' },
      ...summed,
    },
  ]);
  refusals.seen(SEEN);
  assert.equal(events.length, 13);
});

test('however many kinds there are, what is written is bounded', () => {
  const { events, refusals } = told();
  const scopes = ['execute'] as const;
  for (let at = 0; at < 3000; at += 1) {
    refusals.seen({ ...SEEN, caller: { tenant: `t${at}`, keyId: 'key_1', scopes } });
  }
  assert.equal(events.length, 1000);
  refusals.flush(true);
  assert.deepEqual(events.slice(1000), [
    { kind: 'refused', count: 2000, since: '1970-01-01T00:00:00.000Z' },
  ]);
});

test('what is on record as an execution, and what only reads, is not told', () => {
  const { events, refusals } = told();
  const full: Refusal = { code: 'OVERLOADED', detail: 'queue full' };
  refusals.told(full);
  refusals.seen({ ...SEEN, refusal: full });
  refusals.seen({ ...SEEN, method: 'GET', refusal: { code: 'NOT_FOUND', detail: '' } });
  refusals.seen({ ...SEEN, refusal: undefined });
  assert.deepEqual(events, []);
  refusals.seen({ ...SEEN, method: 'GET', refusal: { code: 'FORBIDDEN', detail: '' } });
  assert.equal(events.length, 1);
});
