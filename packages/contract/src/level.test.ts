import { expect, test } from 'vitest';
import { LEVELS, meetsFloor } from './level.js';

const accepted = {
  full: ['full'],
  reduced: ['full', 'reduced'],
  container: ['full', 'container'],
} as const;

for (const floor of LEVELS) {
  test(`a floor of ${floor} accepts ${accepted[floor].join(' and ')}`, () => {
    expect(LEVELS.filter((level) => meetsFloor(level, floor))).toEqual(accepted[floor]);
  });
}
