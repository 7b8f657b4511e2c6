// Latency at half the rate that eight clients reach: programs begin whether the ones before have
// ended or not, as far from each other all of them, or at random moments (a Poisson process), and
// each is counted from when it was due:
//   GOZO_URL=… node scripts/run.mjs benchmarks/paced.ts
// `RATE` (answers a second) is for all subjects alike, instead of half of what each one reaches.
import { setTimeout } from 'node:timers/promises';
import { percentile } from './figures.js';
import { leave } from './speed/report.js';
import { number, SETTINGS, subjects } from './speed/settings.js';
import type { Subject } from './speed/subject.js';
import { type Work, worksOf } from './speed/work.js';

const CLIENTS = 8;
const CONNECTIONS = 64;
const FULL_MS = 1000 * number(process.env.SECONDS, 8);
const PACED = number(SETTINGS.rounds, 600);
const SETTLE_MS = 2_000;
const SHARES = [0.5, 0.9, 0.99];
/** How many of the mean distance the next one is away. */
const ARRIVALS = { even: () => 1, random: () => -Math.log(1 - Math.random()) };
type Arrivals = keyof typeof ARRIVALS;

interface Paced {
  readonly subject: string;
  readonly arrivals: Arrivals;
  readonly full: number;
  readonly rate: number;
  readonly times: readonly number[];
}

async function main(): Promise<void> {
  const all = subjects(CONNECTIONS).filter(({ name }) => name !== 'bare');
  const [work] = await worksOf([SETTINGS.languages ?? 'python']);
  if (work === undefined) throw new Error('no language');
  const rows: Paced[] = [];
  for (const subject of all) rows.push(...(await measure(subject, work)));
  for (const subject of all) await subject[Symbol.asyncDispose]();
  report(work, rows);
}

async function measure(subject: Subject, work: Work): Promise<Paced[]> {
  const { name } = subject;
  const full = await fullRate(subject, work);
  const rate = process.env.RATE === undefined ? full / 2 : Number(process.env.RATE);
  const rows: Paced[] = [];
  for (const arrivals of ['even', 'random'] as const) {
    await setTimeout(SETTLE_MS);
    const times = await paced(subject, work, { rate, next: ARRIVALS[arrivals] });
    rows.push({ subject: name, arrivals, full, rate, times });
  }
  process.stderr.write(`${name}: ${full.toFixed(1)}/s, paced ${rate.toFixed(1)}/s\n`);
  return rows;
}

async function fullRate(subject: Subject, work: Work): Promise<number> {
  let answers = 0;
  const began = performance.now();
  const worker = async (): Promise<void> => {
    while (performance.now() - began < FULL_MS) {
      await subject.run(work, work.program());
      answers += 1;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, worker));
  return (1000 * answers) / (performance.now() - began);
}

interface Pace {
  readonly rate: number;
  readonly next: () => number;
}

/** Milliseconds from when each was due to its answer. */
async function paced(subject: Subject, work: Work, { rate, next }: Pace): Promise<number[]> {
  const answers: Promise<number>[] = [];
  let due = performance.now();
  const one = async (from: number): Promise<number> => {
    await subject.run(work, work.program());
    return performance.now() - from;
  };
  while (answers.length < PACED) {
    due += (next() * 1000) / rate;
    await setTimeout(Math.max(0, due - performance.now()));
    answers.push(one(due));
  }
  return await Promise.all(answers);
}

function report({ language }: Work, rows: readonly Paced[]): void {
  const at = (row: Paced, share: number) => percentile(row.times, share);
  leave({
    name: 'paced',
    title: `At half the rate: ${language}, never seen before, ${PACED} programs`,
    columns: [
      '',
      'arrivals',
      `${CLIENTS} clients, /s`,
      'paced, /s',
      'p50, ms',
      'p90',
      'p99',
      'p99 / p50',
    ],
    rows: rows.map((row) => [
      row.subject,
      row.arrivals,
      row.full,
      row.rate,
      ...SHARES.map((share) => at(row, share)),
      at(row, 0.99) / at(row, 0.5),
    ]),
    samples: rows,
    chart: {
      ...{ kind: 'bar', title: `${language}, at half the rate`, unit: 'ms', isLogarithmic: false },
      categories: SHARES.map((share) => `p${100 * share}`),
      series: rows.map((row) => ({
        name: `${row.subject}, ${row.arrivals}`,
        values: SHARES.map((share) => at(row, share)),
      })),
    },
  });
}

await main();
