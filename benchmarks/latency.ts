// From the request to the right answer, one after the other, by turns with the bare toolchain and
// with the rivals that are given (benchmarks/speed/settings.ts):
//   GOZO_URL=… node scripts/run.mjs benchmarks/latency.ts
import { setTimeout } from 'node:timers/promises';
import { percentile } from './figures.js';
import { cpuOf } from './speed/cpu.js';
import { leave } from './speed/report.js';
import { number, SETTINGS, subjects } from './speed/settings.js';
import type { Subject } from './speed/subject.js';
import { USUAL, type Work, worksOf } from './speed/work.js';

const ROUNDS = number(SETTINGS.rounds, 50);
const WARM_UP = 3;
const CPU_ROUNDS = Math.min(ROUNDS, 20);
/** Before each, for every subject alike: a quiet moment, in which a pool is filled. */
const PAUSE_MS = 60;

/** The others have the host's toolchains, which are not the same. */
const IN_PACKS = ['gozolite', 'bare'];

interface Sample {
  readonly language: string;
  readonly subject: string;
  readonly ms: readonly number[];
  readonly cpuMs: number;
}

async function main(): Promise<void> {
  const all = subjects(1);
  const works = await worksOf((SETTINGS.languages ?? USUAL).split(','));
  const samples: Sample[] = [];
  for (const work of works) {
    samples.push(...(await measure(work, await ableTo(work, all))));
  }
  for (const subject of all) await subject[Symbol.asyncDispose]();
  report(works, all, samples);
}

/** A rival may lack what a toolchain needs: then it has no figure. */
async function ableTo(work: Work, all: readonly Subject[]): Promise<readonly Subject[]> {
  const able: Subject[] = [];
  for (const subject of all) {
    if (work.tree !== undefined && !IN_PACKS.includes(subject.name)) continue;
    try {
      await subject.run(work, work.program());
      able.push(subject);
    } catch (error) {
      if (subject.name === 'gozolite') throw error;
      process.stderr.write(`${work.language}: ${subject.name} can't: ${String(error)}\n`);
    }
  }
  return able;
}

async function measure(work: Work, all: readonly Subject[]): Promise<readonly Sample[]> {
  const times = new Map<Subject, number[]>(all.map((subject) => [subject, []]));
  for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
    for (const subject of all) {
      await setTimeout(PAUSE_MS);
      const ms = await subject.run(work, work.program());
      if (round >= WARM_UP) times.get(subject)?.push(ms);
    }
  }
  const samples: Sample[] = [];
  for (const [subject, ms] of times) {
    const cpuMs = await cpuOf(CPU_ROUNDS, async () => {
      await subject.run(work, work.program());
      await setTimeout(PAUSE_MS);
    });
    samples.push({ language: work.language, subject: subject.name, ms, cpuMs });
    const p50 = percentile(ms, 0.5).toFixed(1);
    process.stderr.write(
      `${work.language} ${subject.name}: ${p50} ms, CPU ${cpuMs.toFixed(1)} ms\n`,
    );
  }
  return samples;
}

function report(works: readonly Work[], all: readonly Subject[], samples: readonly Sample[]): void {
  const find = (language: string, subject: string) =>
    samples.find((each) => each.language === language && each.subject === subject);
  const p50 = (language: string, subject: string) =>
    percentile(find(language, subject)?.ms ?? [], 0.5);
  const names = all.map(({ name }) => name);
  leave({
    name: 'latency',
    title: `Latency: ${ROUNDS} programs of each language, never seen before, by turns`,
    columns: [
      'p50, ms',
      ...names,
      'gozolite / bare',
      ...names.map((name) => `${name}, p99`),
      ...names.map((name) => `${name}, CPU each`),
    ],
    rows: works.map(({ language }) => [
      language,
      ...names.map((name) => p50(language, name)),
      p50(language, 'gozolite') / p50(language, 'bare'),
      ...names.map((name) => percentile(find(language, name)?.ms ?? [], 0.99)),
      ...names.map((name) => find(language, name)?.cpuMs ?? Number.NaN),
    ]),
    samples,
    chart: {
      ...{ kind: 'bar', title: 'One program, p50', unit: 'ms', isLogarithmic: true },
      categories: works.map(({ language }) => language),
      series: names.map((name) => ({
        name,
        values: works.map(({ language }) => p50(language, name)),
      })),
    },
  });
}

await main();
