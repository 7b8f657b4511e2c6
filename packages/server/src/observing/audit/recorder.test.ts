import assert from 'node:assert/strict';
import type { AuditEvent } from '@gozolite/store/audit/log/entry';
import { test } from 'vitest';
import { createRecorder } from './recorder.js';

/** A log on a disk that is full until somebody makes room. */
function diskOf(room: number) {
  const written: AuditEvent[] = [];
  const disk = { room };
  const append = (event: AuditEvent): boolean => {
    if (written.length >= disk.room) return false;
    written.push(event);
    return true;
  };
  return { written, disk, append, kinds: () => written.map(({ kind }) => kind) };
}

const admitted: AuditEvent = { kind: 'admitted' };
const ended: AuditEvent = { kind: 'ended' };

test('required: nothing is let in that is not on record, and ends come in later', () => {
  const log = diskOf(2);
  const recorder = createRecorder(log, true);
  assert.equal(recorder.admit(admitted), true);
  assert.equal(recorder.admit(admitted), true);
  assert.equal(recorder.admit(admitted), false);
  recorder.record(ended);
  recorder.record(ended);
  assert.deepEqual(recorder.behind(), { waiting: 2, lost: 0 });
  assert.equal(recorder.isReady(), false);
  log.disk.room = 3;
  assert.equal(recorder.admit(admitted), false);
  log.disk.room = 100;
  assert.equal(recorder.admit(admitted), true);
  assert.deepEqual(log.kinds(), ['admitted', 'admitted', 'ended', 'ended', 'admitted']);
});

test('best effort: it goes on, and the log says how many entries are lost', () => {
  const log = diskOf(1);
  const recorder = createRecorder(log, false, 1);
  for (let times = 0; times < 3; times += 1) assert.equal(recorder.admit(admitted), true);
  for (let times = 0; times < 3; times += 1) recorder.record(ended);
  assert.deepEqual(recorder.behind(), { waiting: 1, lost: 4 });
  log.disk.room = 100;
  recorder.retry();
  assert.deepEqual(log.kinds(), ['admitted', 'ended', 'lost']);
  assert.equal(log.written.at(-1)?.count, 4);
  recorder.retry();
  assert.equal(log.written.length, 3);
});

test('what may wait for a moment comes before what follows, and by itself', async () => {
  const log = diskOf(100);
  const recorder = createRecorder(log, true);
  recorder.admit(admitted);
  recorder.recordSoon({ kind: 'started' });
  assert.deepEqual(log.kinds(), ['admitted']);
  recorder.record(ended);
  recorder.recordSoon({ kind: 'started' });
  await new Promise(setImmediate);
  recorder.recordSoon({ kind: 'started' });
  recorder.retry();
  assert.deepEqual(log.kinds(), ['admitted', 'started', 'ended', 'started', 'started']);
});
