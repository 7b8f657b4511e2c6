import { startTimer, type Timer } from '../../timer.js';
import { assertAnswer, type Subject } from '../subject.js';
import type { Work } from '../work.js';

/** posix_spawn of the toolchain's own argument vectors and wait, no shell, no sandbox. */
export function bare(): Subject {
  const timers = new Map<Work, Timer>();
  const timerFor = (work: Work): Timer => {
    const timer = timers.get(work) ?? startBare(work);
    timers.set(work, timer);
    return timer;
  };
  return {
    name: 'bare',
    run: async (work, program) => {
      const timer = timerFor(work);
      timer.write(work.source, program.code);
      const ms = await timer.run();
      assertAnswer('bare', program, timer.printed());
      return ms;
    },
    [Symbol.asyncDispose]: async () => {
      for (const timer of timers.values()) await timer[Symbol.asyncDispose]();
    },
  };
}

/** Programs that a compile leaves are named below /work in a recipe; here they lie where it ran. */
function startBare({ stages, env, source }: Work): Timer {
  const here = (argument: string) => argument.replace(/^\/work\//, './');
  const argv = stages.flatMap((stage, at) => [...(at === 0 ? [] : ['--then']), ...stage.map(here)]);
  return startTimer('bare', argv, { path: source, content: '' }, env);
}
