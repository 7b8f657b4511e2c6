import { startTimer } from '../../timer.js';
import { packRoot } from '../in-pack.js';
import { assertAnswer, type Subject } from '../subject.js';
import type { Program, Work } from '../work.js';

/** One language's toolchain, ready for its next program. */
interface Bare extends AsyncDisposable {
  /** Milliseconds from the first stage's start to the last one's end. */
  run(program: Program): Promise<number>;
}

/** posix_spawn of the toolchain's own argument vectors and wait, no shell, no sandbox. */
export function bare(): Subject {
  const started = new Map<Work, Bare>();
  return {
    name: 'bare',
    run: async (work, program) => {
      const one = started.get(work) ?? startBare(work);
      started.set(work, one);
      return one.run(program);
    },
    [Symbol.asyncDispose]: async () => {
      for (const one of started.values()) await one[Symbol.asyncDispose]();
    },
  };
}

function startBare(work: Work): Bare {
  return work.tree === undefined ? onHost(work) : inTree(work, work.tree);
}

/** Programs that a compile leaves are named below /work in a recipe; here they lie where it ran. */
function onHost({ stages, env, source }: Work): Bare {
  const here = (argument: string) => argument.replace(/^\/work\//, './');
  const argv = stages.flatMap((stage, at) => [...(at === 0 ? [] : ['--then']), ...stage.map(here)]);
  const timer = startTimer('bare', argv, { path: source, content: '' }, env);
  return {
    run: async (program) => {
      timer.write(source, program.code);
      const ms = await timer.run();
      assertAnswer('bare', program, timer.printed());
      return ms;
    },
    [Symbol.asyncDispose]: () => timer[Symbol.asyncDispose](),
  };
}

/** In a root of the pack's tree, which is there before the clock starts. */
function inTree({ stages, env, source }: Work, tree: string): Bare {
  const root = packRoot(tree, new Map());
  return {
    run: ({ code }) => {
      root.write(source, code);
      return root.time(stages, env);
    },
    [Symbol.asyncDispose]: async () => root[Symbol.dispose](),
  };
}
