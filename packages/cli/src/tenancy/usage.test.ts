import assert from 'node:assert/strict';
import { test } from 'vitest';
import { shown } from './usage.js';

const window = (ends_at: string, executions: number | null, cpuMs: number | null) => ({
  ...{ starts_at: '2026-11-22T20:00:00.000Z', ends_at },
  executions: { used: 3, quota: executions },
  cpu_ms: { used: 1260, quota: cpuMs },
  output_bytes: { used: 2048, quota: null },
});

test('usage is shown with its quotas, where there are some', () => {
  const text = shown({
    tenant: 'acme',
    hour: window('2026-11-22T21:00:00.000Z', 100, null),
    day: window('2026-11-23T00:00:00.000Z', null, 60_000),
    month: window('2026-12-01T00:00:00.000Z', null, null),
    concurrency: { used: 1, limit: 4 },
    connections: { used: 0, limit: 64 },
  });
  const expected = `tenant acme

         executions      CPU, s            output, KiB       until
hour     3 of 100        1.3               2                 2026-11-22T21:00:00Z
day      3               1.3 of 60         2                 2026-11-23T00:00:00Z
month    3               1.3               2                 2026-12-01T00:00:00Z

1 of 4 executions under way, 0 of 64 connections that wait
`;
  assert.equal(text, expected);
});
