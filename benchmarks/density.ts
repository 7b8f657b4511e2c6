// What a sandbox that waits holds, by language, of a server that has nothing else to do:
//   GOZO_POOL_FLOOR=4 GOZO_POOL_CEILING=4 npm start
//   GOZO_URL=… node scripts/run.mjs benchmarks/density.ts
// Twice: as the launcher counts it (cgroup memory less clean pages of files), and as the host has
// less to give (MemAvailable), which knows nothing of our accounts; and the whole machine's CPU at
// rest.
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import type { Diagnostics } from '@gozolite/contract/capabilities';
import { over } from './speed/cpu.js';
import { leave } from './speed/report.js';
import { SETTINGS } from './speed/settings.js';
import { gozolite } from './speed/subjects/gozolite.js';
import { USUAL, type Work, worksOf } from './speed/work.js';

const FILL_MS_MAX = 60_000;
/** What has just been made is not at rest yet: V8 and a JVM go on compiling. */
const SETTLE_MS = 20_000;
const REST_MS = 20_000;

interface Row {
  readonly language: string;
  readonly ready: number;
  readonly memoryKb: number;
  readonly hostKb: number;
}

async function main(): Promise<void> {
  await using server = gozolite(SETTINGS.url, 1);
  const works = await worksOf((SETTINGS.languages ?? USUAL).split(','));
  const rows: Row[] = [];
  for (const work of works) rows.push(await measure(work, server));
  await setTimeout(SETTLE_MS);
  const rest = await over(() => setTimeout(REST_MS));
  const atRest = (100 * rest.cpuMs) / rest.wallMs;
  report(rows, atRest);
}

async function measure(work: Work, server: ReturnType<typeof gozolite>): Promise<Row> {
  const before = availableKb();
  await server.run(work, work.program());
  const until = performance.now() + FILL_MS_MAX;
  for (;;) {
    const found = await poolOf(work.language);
    if (found.ready > 0 && found.ready === found.wanted) {
      await setTimeout(500);
      const { ready, memory_kb: memoryKb } = await poolOf(work.language);
      const hostKb = (before - availableKb()) / ready;
      return { language: work.language, ready, memoryKb: memoryKb / ready, hostKb };
    }
    if (performance.now() > until) throw new Error(`${work.language}: ${JSON.stringify(found)}`);
    await setTimeout(200);
  }
}

async function poolOf(language: string) {
  const response = await fetch(new URL('/diagnostics', SETTINGS.url));
  const { pool }: Diagnostics = JSON.parse(await response.text());
  const rows = (pool?.recipes ?? []).filter((row) => row.language === language);
  const sum = (name: 'ready' | 'wanted' | 'memory_kb') =>
    rows.reduce((total, row) => total + row[name], 0);
  return { ready: sum('ready'), wanted: sum('wanted'), memory_kb: sum('memory_kb') };
}

function availableKb(): number {
  return Number(/^MemAvailable:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]);
}

function report(rows: readonly Row[], atRest: number): void {
  leave({
    name: 'density',
    title: `Density: what waits; at rest the machine takes ${atRest.toFixed(1)} % of one CPU`,
    columns: ['language', 'wait', 'MB each, as counted', 'MB each, of the host'],
    rows: rows.map(({ language, ready, memoryKb, hostKb }) => [
      language,
      String(ready),
      memoryKb / 1024,
      hostKb / 1024,
    ]),
    samples: { rows, atRest },
    chart: {
      ...{ kind: 'bar', title: 'A sandbox that waits', unit: 'MB', isLogarithmic: true },
      categories: rows.map(({ language }) => language),
      series: [
        { name: 'as counted', values: rows.map(({ memoryKb }) => memoryKb / 1024) },
        { name: 'of the host', values: rows.map(({ hostKb }) => hostKb / 1024) },
      ],
    },
  });
}

await main();
