import { describe, expect, test } from 'vitest';
import { createLine, type Line } from './line.js';

const of = (tenant: string, weight = 1, rank = 0, cost = 1) => ({ tenant, weight, rank, cost });

function join(line: Line<string>, tenant: string, count: number, weight = 1): void {
  for (let at = 0; at < count; at += 1) line.join(of(tenant, weight), tenant);
}

function take(line: Line<string>, count: number): string {
  return Array.from({ length: count }, () => line.takeNext() ?? '-').join('');
}

describe('turns', () => {
  test('tenants take turns, whoever came first and however many they are', () => {
    const line = createLine<string>();
    join(line, 'a', 5);
    join(line, 'b', 2);
    expect(take(line, 8)).toBe('ababaaa-');
    expect(line.length()).toBe(0);
  });

  test('weight 3 has three turns for one of weight 1', () => {
    const line = createLine<string>();
    join(line, 'a', 100, 3);
    join(line, 'b', 100);
    const taken = take(line, 40);
    expect(taken.split('a').length - 1).toBe(30);
    expect(taken).not.toContain('bb');
  });

  test('who comes late is next, and owes nothing for the time that it was not there', () => {
    const line = createLine<string>();
    join(line, 'a', 1_000);
    take(line, 500);
    join(line, 'b', 3);
    expect(take(line, 6)).toBe('bababa');
  });

  test('to leave after each turn and come back is no better than to stay', () => {
    const line = createLine<string>();
    for (const tenant of ['a', 'b', 'c']) join(line, tenant, 100);
    let taken = '';
    for (let count = 0; count < 40; count += 1) {
      if (!taken.endsWith('x')) line.join(of('x'), 'x');
      taken += line.takeNext();
      if (taken.endsWith('x')) taken += line.takeNext();
    }
    const shares = ['a', 'b', 'c', 'x'].map((each) => taken.split(each).length - 1);
    expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(2);
  });

  test('one whose turns needed no waiting has had them', () => {
    const line = createLine<string>();
    for (let count = 0; count < 4; count += 1) line.pass(of('a'));
    join(line, 'a', 2);
    join(line, 'b', 2);
    expect(take(line, 4)).toBe('baba');
  });
});

describe('turns that cost more than others', () => {
  test('who takes four shares at once has one turn for four of who takes one', () => {
    const line = createLine<string>();
    for (let at = 0; at < 100; at += 1) line.join(of('b', 1, 0, 4), 'b');
    join(line, 'a', 100);
    const taken = take(line, 50);
    expect(taken.split('b').length - 1).toBe(10);
    expect(taken).not.toContain('bb');
  });

  test('who is next is looked at without being taken', () => {
    const line = createLine<string>();
    expect(line.first()).toBeUndefined();
    join(line, 'a', 1);
    expect([line.first(), line.first(), line.length()]).toEqual(['a', 'a', 1]);
  });
});

describe('within one tenant', () => {
  test('the higher rank goes first, and of one rank who came first', () => {
    const line = createLine<string>();
    for (const [name, rank] of [
      ['low', -1],
      ['one', 0],
      ['two', 0],
      ['high', 5],
    ] as const) {
      line.join(of('a', 1, rank), name);
    }
    const names = [1, 2, 3, 4].map(() => line.takeNext());
    expect(names).toEqual(['high', 'one', 'two', 'low']);
  });

  test('a high rank takes no turn from another tenant', () => {
    const line = createLine<string>();
    for (const rank of [9, 9, 9]) line.join(of('a', 1, rank), 'a');
    join(line, 'b', 3);
    expect(take(line, 6)).toBe('ababab');
  });
});

describe('places', () => {
  for (const costs of [[1], [4], [1, 4], [1, 1.5, 2, 7]]) {
    test(`what is said to be ahead is what goes before, with turns that cost ${costs}`, () => {
      const line = createLine<number>();
      const all = Array.from({ length: 120 }, (_, at) => {
        const tenant = ['a', 'b', 'c', 'd'][(at % 7) % 4] ?? 'a';
        const weight = { a: 1, b: 3, c: 0.5, d: 2 }[tenant] ?? 1;
        return of(tenant, weight, at % 3, costs[at % costs.length]);
      });
      const foretold = all.map((standing, at) => {
        const told = line.aheadOf(standing);
        const place = line.join(standing, at);
        expect(place.ahead()).toEqual(told);
        return place;
      });
      const told = foretold.map((place) => place.ahead());
      const order = all.map(() => line.takeNext() ?? -1);
      expect(told.map(({ count }) => order[count])).toEqual(all.map((_, at) => at));
      const spent = order.map((_, at) =>
        sum(order.slice(0, at).map((each) => all[each]?.cost ?? 0)),
      );
      expect(told.map(({ cost }) => cost)).toEqual(told.map(({ count }) => spent[count]));
    });
  }

  test('who would join now is told the place that it then has', () => {
    const line = createLine<string>();
    join(line, 'a', 10, 2);
    join(line, 'b', 4);
    take(line, 5);
    for (const standing of [of('c'), of('a', 2), of('b'), of('a', 2, 1)]) {
      const told = line.aheadOf(standing);
      const place = line.join(standing, 'x');
      expect(place.ahead()).toEqual(told);
      place.leave();
    }
  });

  test('who leaves is not let in, and leaving twice takes nobody else out', () => {
    const line = createLine<string>();
    const place = line.join(of('a'), 'gone');
    line.join(of('a'), 'there');
    place.leave();
    place.leave();
    expect(line.length()).toBe(1);
    expect([line.takeNext(), line.takeNext()]).toEqual(['there', undefined]);
  });
});

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
