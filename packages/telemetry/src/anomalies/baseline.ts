/** A tenant's own past, as far as one share of its executions goes. */
export interface Baseline {
  /** Windows that it was learnt from. */
  readonly windows: number;
  /** Moving averages of the share, and of how far it is from that. */
  readonly mean: number;
  readonly variance: number;
}

export const NO_PAST: Baseline = { windows: 0, mean: 0, variance: 0 };

/** Of the newest window: the last ten or so are what the past is made of. */
const WEIGHT_MIN = 0.1;
/** So many standard deviations, and at least a tenth of all executions, are far. */
const DEVIATIONS = 4;
const AWAY_MIN = 0.1;
/** What never happened may happen: its chance is taken to be so much. */
const MEAN_MIN = 0.01;

export function learn({ windows, mean, variance }: Baseline, share: number): Baseline {
  const weight = Math.max(WEIGHT_MIN, 1 / (windows + 1));
  const away = share - mean;
  const step = weight * away;
  return {
    windows: windows + 1,
    mean: mean + step,
    variance: (1 - weight) * (variance + away * step),
  };
}

/** The highest share of so many executions that this past explains. */
export function highestOf({ mean, variance }: Baseline, count: number): number {
  const chance = Math.max(mean, MEAN_MIN);
  const ofChance = (chance * (1 - chance)) / count;
  return mean + Math.max(DEVIATIONS * Math.sqrt(variance + ofChance), AWAY_MIN);
}
