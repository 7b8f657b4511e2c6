import { client } from '../../client.js';
import { assertAnswer, type Subject } from '../subject.js';

/** A server that is there: every program in a fresh sandbox of its own. */
export function gozolite(url: string, connections: number): Subject {
  const { execute, close } = client(url, connections);
  return {
    name: 'gozolite',
    run: async (work, program) => {
      const { language } = work;
      const start = performance.now();
      const { record } = await execute({ language, code: program.code });
      const ms = performance.now() - start;
      assertAnswer('gozolite', program, record.stdout ?? JSON.stringify(record));
      return ms;
    },
    [Symbol.asyncDispose]: async () => close(),
  };
}
