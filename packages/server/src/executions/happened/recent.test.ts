import { expect, test } from 'vitest';
import { createHappenings } from './happenings.js';
import { createRecent } from './recent.js';

function ended(id: string, output = 0) {
  const happenings = createHappenings();
  happenings.add('queued', {});
  if (output > 0) happenings.add('output', {}, output);
  happenings.end();
  return { id, tenant: 'acme', happenings };
}

test('what ended is there for a while, for its tenant', () => {
  let now = 0;
  const recent = createRecent(() => now, { keptMs: 100, countMax: 10, bytesMax: 1_000_000 });
  recent.keep(ended('a'));
  expect(
    recent
      .of('acme', 'a')
      ?.after(0)
      .map(({ name }) => name),
  ).toEqual(['queued']);
  expect(recent.of('other', 'a')).toBeUndefined();
  now = 100;
  expect(recent.of('acme', 'a')).toBeUndefined();
});

test('of too many, and of too much, the oldest go first', () => {
  const few = createRecent(() => 0, { keptMs: 100, countMax: 2, bytesMax: 1_000_000 });
  for (const id of ['a', 'b', 'c']) few.keep(ended(id));
  expect(['a', 'b', 'c'].map((id) => few.of('acme', id) !== undefined)).toEqual([
    ...[false, true, true],
  ]);
  const small = createRecent(() => 0, { keptMs: 100, countMax: 10, bytesMax: 10_000 });
  for (const id of ['a', 'b', 'c']) small.keep(ended(id, 5000));
  expect(['a', 'b', 'c'].map((id) => small.of('acme', id) !== undefined)).toEqual([
    ...[false, false, true],
  ]);
});
