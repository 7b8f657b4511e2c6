import type { WindowKey } from '@gozolite/store/usage';

/** Windows of the calendar in UTC, shortest first: quotas are per each. */
export const SPANS = ['hour', 'day', 'month'] as const;
export type Span = (typeof SPANS)[number];

export interface SpanWindow extends WindowKey {
  readonly span: Span;
  readonly endsAt: number;
}

/** Of the last moment that was asked for: nearly always of the next one too. */
let known: readonly SpanWindow[] = [];

/** The windows that a moment lies in, shortest first. */
export function windowsAt(atMs: number): readonly SpanWindow[] {
  const [hour] = known;
  if (hour !== undefined && atMs >= hour.startsAt && atMs < hour.endsAt) return known;
  const at = new Date(atMs);
  known = SPANS.map((span) => windowOf(span, at));
  return known;
}

function windowOf(span: Span, at: Date): SpanWindow {
  const [year, month, day] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()];
  const hour = at.getUTCHours();
  switch (span) {
    case 'hour':
      return between(span, Date.UTC(year, month, day, hour), Date.UTC(year, month, day, hour + 1));
    case 'day':
      return between(span, Date.UTC(year, month, day), Date.UTC(year, month, day + 1));
    case 'month':
      return between(span, Date.UTC(year, month), Date.UTC(year, month + 1));
  }
}

function between(span: Span, startsAt: number, endsAt: number): SpanWindow {
  return { span, startsAt, endsAt };
}
