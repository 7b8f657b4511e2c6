// 200 programs at once, for a server that is configured for it and has nothing else to do:
//   GOZO_CONCURRENCY=200 GOZO_QUEUE=512 npm start
//   GOZO_URL=… node scripts/run.mjs benchmarks/burst.ts
import { setTimeout } from 'node:timers/promises';
import { percentile } from './figures.js';
import { over } from './speed/cpu.js';
import { leave } from './speed/report.js';
import { number, SETTINGS, subjects } from './speed/settings.js';
import type { Subject } from './speed/subject.js';
import { type Work, worksOf } from './speed/work.js';

const AT_ONCE = number(process.env.AT_ONCE, 200);
const BURSTS = number(SETTINGS.rounds, 5);
/** A burst finds what an idle server has. */
const IDLE_MS = 5_000;

interface Burst {
  readonly subject: string;
  readonly lastMs: number;
  readonly p50Ms: number;
  readonly cpuMs: number;
}

async function main(): Promise<void> {
  const all = subjects(AT_ONCE).filter(({ name }) => name !== 'bare');
  const [work] = await worksOf([SETTINGS.languages ?? 'python']);
  if (work === undefined) throw new Error('no language');
  const bursts: Burst[] = [];
  for (let round = 0; round < BURSTS; round += 1) {
    for (const subject of all) bursts.push(await measure(subject, work));
  }
  for (const subject of all) await subject[Symbol.asyncDispose]();
  report(work, all, bursts);
}

async function measure(subject: Subject, work: Work): Promise<Burst> {
  await setTimeout(IDLE_MS);
  const programs = Array.from({ length: AT_ONCE }, () => work.program());
  let lastMs = 0;
  const times: number[] = [];
  const { cpuMs } = await over(async () => {
    const began = performance.now();
    const one = async (program: (typeof programs)[number]) => {
      await subject.run(work, program);
      times.push(performance.now() - began);
    };
    await Promise.all(programs.map(one));
    lastMs = performance.now() - began;
    await setTimeout(1_500);
  });
  process.stderr.write(`${subject.name}: last answer after ${lastMs.toFixed(0)} ms\n`);
  const each = { p50Ms: percentile(times, 0.5), cpuMs: cpuMs / AT_ONCE };
  return { subject: subject.name, lastMs, ...each };
}

function report({ language }: Work, all: readonly Subject[], bursts: readonly Burst[]): void {
  const names = all.map(({ name }) => name);
  const of = (name: string) => bursts.filter(({ subject }) => subject === name);
  const last = (name: string) =>
    percentile(
      of(name).map(({ lastMs }) => lastMs),
      0.5,
    );
  leave({
    name: 'burst',
    title: `Burst: ${AT_ONCE} programs in ${language} at once, median of ${BURSTS}`,
    columns: ['subject', 'last answer, ms', 'median answer, ms', 'CPU ms each'],
    rows: names.map((name) => [
      name,
      last(name),
      percentile(
        of(name).map(({ p50Ms }) => p50Ms),
        0.5,
      ),
      percentile(
        of(name).map(({ cpuMs }) => cpuMs),
        0.5,
      ),
    ]),
    samples: bursts,
    chart: {
      ...{
        kind: 'bar',
        title: `${AT_ONCE} at once: last answer`,
        unit: 'ms',
        isLogarithmic: false,
      },
      categories: names,
      series: [{ name: 'last answer', values: names.map(last) }],
    },
  });
}

await main();
