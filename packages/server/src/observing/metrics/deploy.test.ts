import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createMetrics } from '@gozolite/telemetry/metrics/metrics';
import { test } from 'vitest';
import { parse } from 'yaml';

const DEPLOY = new URL('../../../../../deploy/', import.meta.url);
const known = new Set(createMetrics({ version: '1', tenants: true }).names());

interface Rules {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
}

interface Rule {
  readonly alert: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly expr: string;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Dashboard {
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly gridPos: { readonly x: number; readonly y: number; w: number; h: number };
    readonly targets: readonly { readonly expr: string; readonly refId: string }[];
  }[];
}

function read(path: string): string {
  return readFileSync(new URL(path, DEPLOY), 'utf8');
}

/** Names in an expression that are no function, label or word of the language. */
function metricsIn(expression: string): readonly string[] {
  const bare = expression.replaceAll(/\{[^}]*\}|\[[^\]]*\]|\b(?:by|without)\s*\([^)]*\)/g, ' ');
  return [...bare.matchAll(/\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b(?!\s*\()/g)].map(([name]) => name);
}

test('what is looked for is found: a name that does not exist would be seen', () => {
  assert.deepEqual(metricsIn('sum by (le, a_b) (rate(gone_total{x_y="1"}[5m])) > 0.5 * c_d'), [
    ...['gone_total', 'c_d'],
  ]);
});

test('every metric of the alerts is one that is scraped', () => {
  const { groups }: Rules = parse(read('prometheus/gozolite-alerts.yml'));
  const rules = groups.flatMap((group) => group.rules);
  assert.ok(rules.length >= 10);
  for (const { alert, expr, annotations } of rules) {
    const names = metricsIn(expr);
    if (alert !== 'GozoliteDown') assert.ok(names.length > 0, `${alert}: ${expr}`);
    for (const name of names) assert.ok(known.has(name), `${alert}: ${name}`);
    assert.ok(annotations.summary && annotations.description, alert);
  }
  assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
});

test('every alert says how bad it is, in words that routes can be written for', () => {
  const { groups }: Rules = parse(read('prometheus/gozolite-alerts.yml'));
  for (const { alert, labels, for: wait = '0m' } of groups.flatMap(({ rules }) => rules)) {
    assert.match(labels.severity ?? '', /^(critical|warning|info)$/, alert);
    assert.match(wait, /^\d+[smh]$/, alert);
  }
});

test('what an operator has to see is alerted of', () => {
  const text = read('prometheus/gozolite-alerts.yml');
  for (const name of ['launcher_up', 'store_up', 'webhook_backlog', 'audit_up', 'reserved_cpus']) {
    assert.match(text, new RegExp(`\\bgozolite_${name}\\b`));
  }
});

test('no two panels of the dashboard have one number or one place, and none is outside', () => {
  const { panels }: Dashboard = JSON.parse(read('grafana/gozolite.json'));
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  const taken = new Set<string>();
  for (const { title, gridPos, targets } of panels) {
    const { x, y, w, h } = gridPos;
    assert.ok(x >= 0 && x + w <= 24, title);
    assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title);
    for (let at = 0; at < w * h; at += 1) {
      const cell = `${x + (at % w)},${y + Math.floor(at / w)}`;
      assert.ok(!taken.has(cell), `${title} lies on another panel at ${cell}`);
      taken.add(cell);
    }
  }
});

test('every metric of the dashboard is one that is scraped', () => {
  const text = read('grafana/gozolite.json');
  const { panels }: Dashboard = JSON.parse(text);
  const shown = panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => metricsIn(expr)));
  assert.ok(shown.length > 30);
  for (const name of shown) assert.ok(known.has(name), name);
});

test('the page names every metric of ours, and no other', () => {
  const page = readFileSync(
    new URL('../../../../../docs/reference/observing/metrics.md', import.meta.url),
    'utf8',
  );
  const named = new Set([...page.matchAll(/`(gozolite_\w+)/g)].map(([, name]) => name));
  const ours = [...known]
    .filter((name) => name.startsWith('gozolite_'))
    .map((name) => name.replace(/(?<=_seconds|_bytes)_(bucket|sum|count)$/, ''));
  assert.deepEqual([...named].sort(), [...new Set(ours)].sort());
});

test('Prometheus is told of the rules that are there', () => {
  const { rule_files: files }: { rule_files: string[] } = parse(read('prometheus/prometheus.yml'));
  assert.deepEqual(files, ['gozolite-alerts.yml']);
});
