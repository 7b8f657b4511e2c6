import { type PackRoot, packRoot } from '../../in-pack.js';
import { startTimer, type Timer } from '../../timer.js';
import { assertAnswer, type Subject } from '../subject.js';
import type { Program, Work } from '../work.js';

/** posix_spawn of the toolchain's own argument vectors and wait, no shell, no sandbox. */
export function bare(): Subject {
  const timers = new Map<Work, Timer>();
  const roots = new Map<Work, PackRoot>();
  const timerFor = (work: Work): Timer => {
    const timer = timers.get(work) ?? startBare(work);
    timers.set(work, timer);
    return timer;
  };
  const rootFor = (work: Work, tree: string): PackRoot => {
    const root = roots.get(work) ?? packRoot(tree, new Map());
    roots.set(work, root);
    return root;
  };
  return {
    name: 'bare',
    run: async (work, program) => {
      if (work.tree !== undefined) return inRoot(rootFor(work, work.tree), work, program);
      const timer = timerFor(work);
      timer.write(work.source, program.code);
      const ms = await timer.run();
      assertAnswer('bare', program, timer.printed());
      return ms;
    },
    [Symbol.asyncDispose]: async () => {
      for (const timer of timers.values()) await timer[Symbol.asyncDispose]();
      for (const root of roots.values()) root[Symbol.dispose]();
    },
  };
}

/** In a root of the pack's tree, which is there before the clock starts. */
function inRoot(root: PackRoot, { stages, env, source }: Work, { code }: Program) {
  root.write(source, code);
  return root.time(stages, env);
}

/** Programs that a compile leaves are named below /work in a recipe; here they lie where it ran. */
function startBare({ stages, env, source }: Work): Timer {
  const here = (argument: string) => argument.replace(/^\/work\//, './');
  const argv = stages.flatMap((stage, at) => [...(at === 0 ? [] : ['--then']), ...stage.map(here)]);
  return startTimer('bare', argv, { path: source, content: '' }, env);
}
