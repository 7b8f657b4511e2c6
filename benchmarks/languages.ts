// Hello of each installed pack: through the engine against the same commands in the same tree by
// hand, by turns in one run. Writes a page:
//   GOZO_PACKS=<folder> node scripts/run.mjs benchmarks/languages.ts docs/benchmarks.md [name…]
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ExecuteRequest, Execution } from '@gozolite/contract/execution';
import { expandArgs } from '@gozolite/languages/expand';
import { loadLanguages } from '@gozolite/languages/load';
import type { LanguageFile } from '@gozolite/languages/schema';
import { smokesOf } from '@gozolite/languages/smokes/smokes';
import { packFolders } from '@gozolite/packs/folders';
import { type InstalledPack, readInstalled } from '@gozolite/packs/installed';
import type { Gozo } from '@gozolite/sdk/gozo';
import { startLocal } from '../packages/cli/src/local.js';
import { machine, percentile } from './figures.js';
import { type PackRoot, packRoot } from './speed/in-pack.js';
import { recipeIn } from './speed/pack.js';

const ROUNDS = { least: 5, most: 10 };
/** One that takes longer has the fewest rounds: the whole run shall end. */
const PATIENCE_MS = 5000;
const BUILD = resolve('build');

interface Row {
  readonly name: string;
  readonly version: string;
  readonly isCompiled: boolean;
  readonly bareMs: readonly number[];
  readonly engineMs: readonly number[];
}

interface Failure {
  readonly name: string;
  readonly reason: string;
}

async function main([page = '', ...names]: readonly string[]): Promise<number> {
  const packs = process.env.GOZO_PACKS ?? '';
  if (page === '' || packs === '')
    throw new Error('usage: GOZO_PACKS=… languages.ts <page> [name…]');
  const { languages } = await loadLanguages(['languages']);
  const installed = readInstalled(packFolders(packs)).filter(
    ({ language, variant }) => variant === null && (names.length === 0 || names.includes(language)),
  );
  const chosen = languages.filter(({ file }) => installed.some((one) => one.language === file.id));
  await using engine = await startLocal({
    launcher: join(BUILD, 'sandboxd'),
    server: join(BUILD, 'server.mjs'),
    languageFiles: chosen.map(({ path }) => path),
    floor: 'full',
    packs,
    hostToolchains: false,
    triesLanguages: false,
  });
  const rows: Row[] = [];
  const failures: Failure[] = [];
  const subjects = installed.flatMap((pack): Subject[] => {
    const file = chosen.find((each) => each.file.id === pack.language)?.file;
    return file === undefined ? [] : [{ file, pack }];
  });
  // Those that most people ask for come first: a run may be stopped.
  subjects.sort((one, other) => Number(isCore(other)) - Number(isCore(one)));
  for (const { file, pack } of subjects) {
    try {
      const row = await measure(engine.gozo, join(packs, 'trees', pack.digest), { file, pack });
      rows.push(row);
      process.stdout.write(`${lineOf(row)}\n`);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      failures.push({ name: pack.name, reason });
      process.stdout.write(`${pack.name}: ${reason}\n`);
    }
    writeFileSync(page, `${pageOf(rows, failures)}\n`);
  }
  return failures.length === 0 ? 0 : 1;
}

const isCore = ({ file }: Subject): boolean => file.depth === 'core';

interface Subject {
  readonly file: LanguageFile;
  readonly pack: InstalledPack;
}

async function measure(gozo: Gozo, tree: string, { file, pack }: Subject): Promise<Row> {
  const hello = smokesOf(file).find(({ name }) => name === 'hello');
  if (hello === undefined) throw new Error('its file has no hello');
  const execute = async () => {
    const execution = await gozo.execute({ language: pack.name, ...hello.request });
    if (execution.status !== 'ok') {
      throw new Error(
        `in the engine: ${execution.status} ${execution.error ?? ''} ${execution.message ?? ''}`,
      );
    }
    return execution;
  };
  // The first ones also fill the caches of the disk.
  const first = await execute();
  using root = packRoot(tree, filesOf(file, hello.request));
  const byHand = await handOf(root, tree, { file, pack }, { request: hello.request, first });
  await root.time(byHand.stages, byHand.env);
  const bareMs: number[] = [];
  const engineMs: number[] = [];
  const began = performance.now();
  const isPatient = (): boolean => performance.now() - began < PATIENCE_MS;
  for (let round = 0; round < (isPatient() ? ROUNDS.most : ROUNDS.least); round += 1) {
    bareMs.push(await root.time(byHand.stages, byHand.env));
    const start = performance.now();
    await execute();
    engineMs.push(performance.now() - start);
  }
  const isCompiled = byHand.stages.length > 1;
  return { name: pack.name, version: byHand.version, isCompiled, bareMs, engineMs };
}

type Request = Omit<ExecuteRequest, 'language'>;

function filesOf(file: LanguageFile, { code, files = [] }: Request): ReadonlyMap<string, string> {
  const sources = code === undefined ? [] : ([[file.source, code]] as const);
  return new Map([...sources, ...files.map(({ path, content }) => [path, content ?? ''] as const)]);
}

/** The commands of hello as the engine resolves them, and their environment. */
async function handOf(
  root: PackRoot,
  tree: string,
  { file, pack }: Subject,
  { request, first }: { readonly request: Request; readonly first: Execution },
) {
  const recipe = await recipeIn(root, tree, { file, pack });
  const names = [...filesOf(file, request).keys()];
  const entry = request.entry ?? names[0] ?? file.source;
  const { run, compile } = first.limits;
  const stages: string[][] = [];
  let env: Readonly<Record<string, string>> = {};
  for (const [stage, limits, args] of [
    [recipe.compile, compile, request.compile?.args],
    [recipe.run, run, request.args],
  ] as const) {
    if (stage === undefined || limits === undefined) continue;
    const filled = expandArgs(stage, { entry, files: names, args: args ?? [], limits });
    stages.push([...stage.launch.command, ...filled.args]);
    env = { ...env, ...stage.launch.env, ...filled.env };
  }
  return { stages, env: { ...env, ...request.env }, version: recipe.version };
}

function lineOf({ name, version, isCompiled, bareMs, engineMs }: Row): string {
  const [bare, engine] = [percentile(bareMs, 0.5), percentile(engineMs, 0.5)];
  const cells = [name, version, isCompiled ? 'compile, run' : 'run'];
  const times = [bare.toFixed(1), engine.toFixed(1), (engine - bare).toFixed(1)];
  return `| ${[...cells, ...times, (engine / bare).toFixed(2)].join(' | ')} |`;
}

function pageOf(rows: readonly Row[], failures: readonly Failure[]): string {
  const over = rows.map(
    ({ bareMs, engineMs }) => percentile(engineMs, 0.5) - percentile(bareMs, 0.5),
  );
  const ratios = rows.map(
    ({ bareMs, engineMs }) => percentile(engineMs, 0.5) / percentile(bareMs, 0.5),
  );
  const of = (values: readonly number[], share: number, digits: number) =>
    percentile(values, share).toFixed(digits);
  return [
    '# Hello, cold, in each language',
    '',
    'Written by `benchmarks/languages.ts`; not edited by hand. p50 of ' +
      `${ROUNDS.most} rounds (${ROUNDS.least} of one that takes long) of each language's hello, ` +
      'by turns in one run, nothing of it booted ahead ' +
      `(${machine()}, which other work may have kept busy):`,
    '',
    '- **bare**: the same commands, compile and run, of the same pack, by `posix_spawn` in a root',
    '  of its tree with an empty `/tmp`, as an ordinary user, without limits; that root is there',
    '  before the clock starts.',
    '- **engine**: a client of the engine, from the request to the record, each program in a fresh',
    '  sandbox, of a compiled language in two, with the default limits: one CPU, where bare has',
    '  all.',
    '',
    `Of ${rows.length} packs the engine takes ${of(over, 0.5, 1)} ms more at p50 (p10 ` +
      `${of(over, 0.1, 1)}, p90 ${of(over, 0.9, 1)}), or ${of(ratios, 0.5, 2)} times as long ` +
      `(p90 ${of(ratios, 0.9, 2)}).`,
    '',
    '| pack | version | stages | bare, ms | engine, ms | more, ms | times |',
    '|---|---|---|---:|---:|---:|---:|',
    ...rows.map(lineOf),
    ...(failures.length === 0 ? [] : ['', '## Not measured', '']),
    ...failures.map(({ name, reason }) => `- ${name}: ${reason.replaceAll(/\s+/g, ' ')}`),
  ].join('\n');
}

process.exit(await main(process.argv.slice(2)));
