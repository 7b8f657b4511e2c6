import { startCaller } from '../../caller.js';
import { assertAnswer, type Subject } from '../subject.js';
import type { Program, Work } from '../work.js';

/** Its own defaults would not start a JVM or a Go program. */
const LIMITS = {
  cpuLimit: 60_000_000_000,
  clockLimit: 120_000_000_000,
  memoryLimit: 1024 * 1024 * 1024,
  procLimit: 256,
};
const STREAMS = [{ content: '' }, { name: 'stdout', max: 65_536 }, { name: 'stderr', max: 65_536 }];

interface Ended {
  readonly status: string;
  readonly files?: { readonly stdout?: string; readonly stderr?: string };
  readonly fileIds?: Readonly<Record<string, string>>;
}

/** One that runs already, by the REST interface of its documents (POST /run). */
export function goJudge(url: string, connections: number): Subject {
  const caller = connections === 1 ? startCaller(url) : undefined;
  const post = caller?.post ?? ((path: string, body: string) => fetched(new URL(path, url), body));
  const run: Run = async (body) => {
    const text = JSON.stringify({ cmd: [{ ...LIMITS, ...body, files: STREAMS }] });
    const { ms, answer } = await post('/run', text);
    const [ended]: readonly Ended[] = JSON.parse(answer);
    if (ended?.status !== 'Accepted') throw new Error(`go-judge: ${JSON.stringify(ended)}`);
    return { ended, ms };
  };
  return {
    name: 'go-judge',
    run: async (work, program) => {
      const { ended, kept, ms } = await inStages(run, work, program);
      // What a compile left would fill its memory: nobody waits for its end.
      await Promise.all(kept.map((id) => fetch(new URL(`/file/${id}`, url), { method: 'DELETE' })));
      assertAnswer('go-judge', program, ended.files?.stdout ?? '');
      return ms;
    },
    [Symbol.asyncDispose]: async () => caller?.[Symbol.asyncDispose](),
  };
}

type Run = (body: object) => Promise<{ readonly ended: Ended; readonly ms: number }>;

async function fetched(url: URL, body: string) {
  const start = performance.now();
  const headers = { 'content-type': 'application/json' };
  const answer = await (await fetch(url, { method: 'POST', headers, body })).text();
  return { ms: performance.now() - start, answer };
}

/** Each stage is a request; what the compile made is copied out and in again, as documented. */
async function inStages(run: Run, { stages, env, source }: Work, { code }: Program) {
  const words = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/tmp', ...env };
  const strings = Object.entries(words).map(([name, value]) => `${name}=${value}`);
  const here = (argument: string) => argument.replace(/^\/work\//, './');
  const argvs = stages.map((stage) => stage.map(here));
  const copyIn = { [source]: { content: code } };
  const [first = [], second] = argvs;
  if (second === undefined) {
    return { ...(await run({ args: first, env: strings, copyIn })), kept: [] };
  }
  const made = madeBy(second);
  const { ended: compiled, ms } = await run({
    args: first,
    env: strings,
    copyIn,
    copyOutCached: made,
  });
  const ids = compiled.fileIds ?? {};
  const files = Object.fromEntries(made.map((name) => [name, { fileId: ids[name] }]));
  const last = await run({ args: second, env: strings, copyIn: { ...copyIn, ...files } });
  return { ended: last.ended, ms: ms + last.ms, kept: Object.values(ids) };
}

/** What the run needs of the compile: the program it names, a class, a script. */
function madeBy(argv: readonly string[]): readonly string[] {
  const [program = ''] = argv;
  if (program.startsWith('./')) return [program.slice(2)];
  if (argv.at(-1) === 'Main') return ['Main.class'];
  return argv.filter((argument) => /^[\w-]+\.(js|jar|mjs|cjs)$/.test(argument));
}
