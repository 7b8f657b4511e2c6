import { expect, test } from 'vitest';
import { awayError, StoreError } from '../sql.js';
import { isAway } from './away.js';

const of = (code: string) => Object.assign(new Error('x'), { code });

test('a server that is stopped, full or out of reach is away; a mistake of ours is not', () => {
  const away = ['ECONNREFUSED', 'ENOTFOUND', '57P01', '57P03', '08006', '53300', '53100', '25006'];
  for (const code of away) expect(isAway(of(code)), code).toBe(true);
  for (const code of ['42601', '23505', '57014', '40001', 'ERR_X', '']) {
    expect(isAway(of(code)), code).toBe(false);
  }
  expect(isAway(new Error('Connection terminated unexpectedly'))).toBe(true);
  expect(isAway(new AggregateError([of('ECONNREFUSED')], ''))).toBe(true);
});

test('what is away is told so once, with its cause; the rest stays as it is', () => {
  const refused = of('ECONNREFUSED');
  const told = awayError(refused, isAway);
  expect(told).toMatchObject({ isAway: true, cause: refused });
  expect(told).toBeInstanceOf(StoreError);
  expect(awayError(told, () => true)).toBe(told);
  const mistake = of('42601');
  expect(awayError(mistake, isAway)).toBe(mistake);
  expect(awayError('text', () => true)).toBe('text');
});
