// Right answers a second with 1 to 64 clients, each subject in turn at each number of clients:
//   GOZO_URL=… node scripts/run.mjs benchmarks/throughput.ts
// Refilling and teardown are inside: each turn is long, and what is left over is CPU each.
import { setTimeout } from 'node:timers/promises';
import { over } from './speed/cpu.js';
import { leave } from './speed/report.js';
import { number, SETTINGS, subjects } from './speed/settings.js';
import type { Subject } from './speed/subject.js';
import { type Work, worksOf } from './speed/work.js';

const CLIENTS = [1, 2, 4, 8, 16, 32, 64];
const TURN_MS = 1000 * number(process.env.SECONDS, 8);
const SETTLE_MS = 1_500;

interface Turn {
  readonly subject: string;
  readonly clients: number;
  readonly rate: number;
  readonly cpuMs: number;
}

async function main(): Promise<void> {
  // One program after the other is all that bare has: its clients are no load.
  const all = subjects(Math.max(...CLIENTS)).filter(({ name }) => name !== 'bare');
  const [work] = await worksOf([SETTINGS.languages ?? 'python']);
  if (work === undefined) throw new Error('no language');
  const turns: Turn[] = [];
  for (const clients of CLIENTS) {
    for (const subject of all) {
      const turn = await measure(subject, work, clients);
      process.stderr.write(`${subject.name}, ${clients} clients: ${turn.rate.toFixed(1)}/s\n`);
      turns.push(turn);
    }
  }
  for (const subject of all) await subject[Symbol.asyncDispose]();
  report(work, all, turns);
}

async function measure(subject: Subject, work: Work, clients: number): Promise<Turn> {
  await setTimeout(SETTLE_MS);
  const idle = await over(() => setTimeout(SETTLE_MS));
  let answers = 0;
  let tookMs = 0;
  const busy = await over(async () => {
    const began = performance.now();
    const worker = async (): Promise<void> => {
      while (performance.now() - began < TURN_MS) {
        await subject.run(work, work.program());
        answers += 1;
      }
    };
    await Promise.all(Array.from({ length: clients }, worker));
    tookMs = performance.now() - began;
    await setTimeout(SETTLE_MS);
  });
  const cpuMs = (busy.cpuMs - (idle.cpuMs / idle.wallMs) * busy.wallMs) / answers;
  return { subject: subject.name, clients, rate: (1000 * answers) / tookMs, cpuMs };
}

function report({ language }: Work, all: readonly Subject[], turns: readonly Turn[]): void {
  const names = all.map(({ name }) => name);
  const find = (subject: string, clients: number) =>
    turns.find((turn) => turn.subject === subject && turn.clients === clients);
  leave({
    name: 'throughput',
    title: `Throughput: ${language}, never seen before, ${TURN_MS / 1000} s a turn`,
    columns: [
      'clients',
      ...names.map((name) => `${name}, /s`),
      ...names.map((name) => `${name}, CPU ms each`),
    ],
    rows: CLIENTS.map((clients) => [
      String(clients),
      ...names.map((name) => find(name, clients)?.rate ?? Number.NaN),
      ...names.map((name) => find(name, clients)?.cpuMs ?? Number.NaN),
    ]),
    samples: turns,
    chart: {
      ...{ kind: 'line', title: `${language}, answers a second`, unit: '/s', isLogarithmic: false },
      categories: CLIENTS.map(String),
      series: names.map((name) => ({
        name,
        values: CLIENTS.map((clients) => find(name, clients)?.rate ?? Number.NaN),
      })),
    },
  });
}

await main();
