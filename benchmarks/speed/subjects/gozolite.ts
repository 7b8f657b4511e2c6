import type { Execution } from '@gozolite/contract/execution';
import { startCaller } from '../../caller.js';
import { client } from '../../client.js';
import { assertAnswer, type Subject } from '../subject.js';
import type { Program } from '../work.js';

/** A server that is there: every program in a fresh sandbox of its own. */
export function gozolite(url: string, connections: number): Subject {
  return connections === 1 ? oneByOne(url) : atOnce(url, connections);
}

function oneByOne(url: string): Subject {
  const caller = startCaller(url);
  return {
    name: 'gozolite',
    run: async ({ language }, program) => {
      const body = JSON.stringify({ language, code: program.code });
      const { ms, answer } = await caller.post('/execute', body);
      assertRecord(program, JSON.parse(answer) as Execution);
      return ms;
    },
    [Symbol.asyncDispose]: () => caller[Symbol.asyncDispose](),
  };
}

function atOnce(url: string, connections: number): Subject {
  const { execute, close } = client(url, connections);
  return {
    name: 'gozolite',
    run: async ({ language }, program) => {
      const start = performance.now();
      const { record } = await execute({ language, code: program.code });
      const ms = performance.now() - start;
      assertRecord(program, record);
      return ms;
    },
    [Symbol.asyncDispose]: async () => close(),
  };
}

function assertRecord(program: Program, record: Execution): void {
  assertAnswer('gozolite', program, record.stdout ?? JSON.stringify(record));
}
