import type { Clock } from '../clock.js';

/** Time for tests: it stands still until `advance` moves it, and calls what is due on the way. */
export interface FakeClock extends Clock {
  advance(ms: number): void;
  /** What is scheduled and neither called nor called off. */
  scheduled(): number;
}

export function fakeClock(): FakeClock {
  let nowMs = 0;
  const alarms = new Set<{ readonly atMs: number; readonly action: () => void }>();
  const ring = () => {
    for (const alarm of [...alarms].sort((a, b) => a.atMs - b.atMs)) {
      if (alarm.atMs <= nowMs && alarms.delete(alarm)) alarm.action();
    }
  };
  return {
    monotonicMs: () => nowMs,
    schedule: (delayMs, action) => {
      const alarm = { atMs: nowMs + delayMs, action };
      alarms.add(alarm);
      return () => alarms.delete(alarm);
    },
    advance: (ms) => {
      nowMs += ms;
      ring();
    },
    scheduled: () => alarms.size,
  };
}
