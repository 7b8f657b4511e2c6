import { join } from 'node:path';
import { build } from '../build/build.mjs';
import { ROOT } from '../build/paths.mjs';
import { runCargoLint, runCargoTests } from './cargo/run-cargo.mjs';
import { runCargoDeny } from './cargo/run-deny.mjs';
import { runLongFuzz, runSeededFuzz } from './cargo/run-fuzz.mjs';
import { testLanguages } from './ci-languages.mjs';
import { runContainerSuite } from './container/container-suite.mjs';
import { startPostgres } from './postgres.mjs';
import { runChecked, runCounted } from './run-command.mjs';
import { runVitest } from './run-vitest.mjs';
import { installSchemathesis } from './schemathesis.mjs';
import { installMissingToolchains } from './toolchains.mjs';

const SCRIPT = join(ROOT, 'scripts', 'run.mjs');
const TSC = join(ROOT, 'node_modules', '.bin', 'tsc');

/** A script of ours whose last line is `N passed, N failed`. */
const script =
  (path, ...args) =>
  ({ server }) =>
    runCounted([SCRIPT, path, ...args], server);

/** What the environment says wins: `GOZO_TEST_EXAMPLES=2000 node scripts/test.mjs --only …`. */
const counted = (name, usual) => ({ [name]: process.env[name] ?? usual });

const serverSuite = (name, what) => ({
  name,
  what,
  needsServer: true,
  run: ({ server }) => runVitest(name, server),
});

function runLanguages(server, ids) {
  return runVitest('conformance', server, { GOZO_TEST_LANGUAGES: ids?.join(',') ?? '' });
}

/** In the order in which they run; `extra` ones only with --all (or by name). */
export const SUITES = [
  {
    name: 'tidy',
    what: 'the numbers and arrows of STYLE.md, formatting and lint',
    run: () => runChecked(process.execPath, [SCRIPT, 'scripts/tidy.ts']),
  },
  {
    name: 'types',
    what: 'TypeScript, strict',
    run: () => runChecked(TSC, ['--noEmit', '-p', 'tsconfig.json']),
  },
  {
    name: 'units',
    what: 'tests beside the sources, TypeScript and Rust; clippy and rustfmt',
    run: async ({ say }) =>
      add(
        await runVitest('units'),
        await runCargoTests(say, ['--skip', 'golden']),
        await runCargoLint(say),
      ),
  },
  {
    name: 'fixtures',
    what: 'golden frames of the launch protocol, read by both sides',
    run: async ({ say }) => add(await runVitest('fixtures'), await runCargoTests(say, ['golden'])),
  },
  {
    name: 'store',
    what: 'the store on SQLite and on a Postgres of its own: the same tests, every migration',
    run: ({ say }) => withPostgres(say, (variables) => runVitest('store', null, variables)),
  },
  {
    name: 'fuzz',
    what: "the launcher's input: the kept corpus, and two CPU minutes of seeded changes",
    run: ({ say }) => runSeededFuzz(say),
  },
  {
    ...serverSuite('conformance', "the languages of CI's list, every smoke program"),
    run: ({ server }) => runLanguages(server, testLanguages(false)),
  },
  serverSuite('hostile', 'every attack, its twin, and the protection left out'),
  serverSuite('limits', 'every limit on both sides of its bound, in C, Bash and Python'),
  serverSuite('prepare', 'runtimes booted before their requests, against cold ones'),
  serverSuite('templates', 'runtimes that start from a saved image, and who shares one'),
  serverSuite('surface', 'every system call by every door, against a reviewed list of answers'),
  {
    name: 'container',
    what: 'the container backend with a Docker engine of its own: contract, languages, attacks',
    run: ({ say, all }) => runContainerSuite({ say, whole: all }),
  },
  {
    name: 'faults',
    what: 'a launcher and its server, killed at every step, starved and lied to',
    run: () => runVitest('faults'),
  },
  {
    name: 'vm',
    what: 'ten cases in a virtual machine with cgroup v2 only',
    run: script('tests/vm/run.ts', 'smoke'),
  },
  {
    name: 'vm-all',
    what: 'every attack, limit and system call in a virtual machine with cgroup v2 only',
    extra: true,
    run: script('tests/vm/run.ts'),
  },
  serverSuite('network', 'what a run may connect to, between networks that the test makes'),
  {
    name: 'reduced',
    what: 'as an ordinary user: on this host, and in a Docker container without privilege',
    run: () => runVitest('reduced'),
  },
  {
    name: 'packs',
    what: 'a real pack: built, killed, verified, corrupted, exported, imported, removed',
    run: async ({ say }) => {
      await build(say);
      return runVitest('packs');
    },
  },
  serverSuite('integration', 'the whole server over HTTP, with CLI and SDK'),
  {
    ...serverSuite('service', 'tenants, keys and what they may use, over HTTP, on both stores'),
    run: ({ server, say }) => withPostgres(say, (own) => runVitest('service', server, own)),
  },
  {
    ...serverSuite('edge', 'broken connections and attacks on keys, quotas and rates, with counts'),
    run: ({ server, say, all }) => {
      const count = counted('GOZO_TEST_FUZZ', all ? '100000' : '5000');
      return withPostgres(say, (own) => runVitest('edge', server, { ...own, ...count }));
    },
  },
  {
    ...serverSuite('contract', 'Schemathesis against the OpenAPI document, with and without keys'),
    run: async ({ server, say, all }) => {
      const program = await installSchemathesis(say);
      const variables = {
        GOZO_TEST_SCHEMATHESIS: program,
        ...counted('GOZO_TEST_EXAMPLES', all ? '2000' : '100'),
      };
      return withPostgres(say, (own) => runVitest('contract', server, { ...own, ...variables }));
    },
  },
  serverSuite('readme', "README's examples and their answers"),
  serverSuite('start', 'npm start from a clone in a 0700 home'),
  {
    ...serverSuite('languages', 'every language, every smoke program'),
    extra: true,
    run: async ({ server, say }) => {
      await installMissingToolchains(server, say, null);
      return runLanguages(server, null);
    },
  },
  {
    name: 'fuzz-long',
    what: "30 CPU minutes of changes to the launcher's input",
    extra: true,
    run: ({ say }) => runLongFuzz(say),
  },
  {
    name: 'crates',
    what: "licences and sources of the launcher's crates",
    extra: true,
    run: ({ say }) => runCargoDeny(say),
  },
  { ...serverSuite('kills', 'kill -9 of each part while executions run'), extra: true },
  {
    name: 'overhead',
    what: 'a trivial program over HTTP against bare posix_spawn',
    extra: true,
    needsServer: true,
    run: script('benchmarks/overhead.ts'),
  },
  {
    name: 'pipeline',
    what: 'keys, policies, quotas, store and audit log against none of them',
    extra: true,
    needsServer: true,
    run: script('benchmarks/service/pipeline.ts'),
  },
  {
    name: 'tenants',
    what: "the others' p95 beside a tenant that asks for ten times its share",
    extra: true,
    needsServer: true,
    run: script('benchmarks/service/tenants.ts'),
  },
  {
    name: 'neighbours',
    what: "a program's p95 beside another's noise: CPU, memory, processes, disk, output",
    extra: true,
    needsServer: true,
    run: script('benchmarks/neighbours.ts'),
  },
  {
    name: 'restarts',
    what: '20,000 mixed requests, kill -9 of the server every 500: one end each, on both stores',
    extra: true,
    needsServer: true,
    run: ({ server, say }) =>
      withPostgres(say, (own) =>
        runCounted([SCRIPT, 'benchmarks/service/restarts.ts'], server, own),
      ),
  },
  {
    name: 'soak',
    what: '50,000 mixed executions and attacks, 8 at a time: nothing grows, nothing is left',
    extra: true,
    needsServer: true,
    run: script('benchmarks/soak.ts'),
  },
];

export function suitesFor({ all, only }) {
  if (only !== null) return SUITES.filter(({ name }) => only.includes(name));
  return SUITES.filter(({ extra }) => all || !extra);
}

async function withPostgres(say, run) {
  const postgres = await startPostgres(say);
  try {
    return await run({ GOZO_TEST_POSTGRES: postgres.url });
  } finally {
    await postgres.stop();
  }
}

function add(...results) {
  return {
    passed: results.reduce((total, { passed }) => total + passed, 0),
    failed: results.reduce((total, { failed }) => total + failed, 0),
    failures: results.flatMap(({ failures = [] }) => failures),
  };
}
