import { renameSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { readEarlier } from '../check/earlier.js';
import { markdownOf } from '../check/markdown.js';
import { type From, packsFor } from '../check/packs-of-check.js';
import { jsonOf, tableOf } from '../check/report.js';
import { hasPassed, type LanguageFinding, runSmokes } from '../check/run-smokes.js';
import { readTargets, type Target } from '../check/targets.js';
import { installation, type Where } from '../connect.js';
import { startLocal } from '../local.js';
import { UsageError } from '../usage-error.js';

export interface CheckOptions {
  readonly version: string;
  /** Files and names; with `all` none. */
  readonly named: readonly string[];
  readonly all: boolean;
  /** A file; `true` prints it in the table's place. */
  readonly json: string | boolean;
  /** Names of smoke programs; all where none is named. */
  readonly only: readonly string[];
  /** Programs that run at once; by default one for each CPU. */
  readonly jobs: number | undefined;
  readonly from: From;
  /** An earlier report; what it says of equal files and trees that passed is taken over. */
  readonly reuse: string | undefined;
  /** A file for a page of it all. */
  readonly markdown: string | undefined;
}

/** `gozo check-language`. @returns 0 where every file and every program of it is good, else 1 */
export async function checkLanguage(
  where: Where,
  options: CheckOptions,
  signal: AbortSignal,
): Promise<number> {
  if (options.all === options.named.length > 0) {
    throw new UsageError('name language files or languages, or --all');
  }
  const targets = await readTargets(join(installation(), 'languages'), options.named);
  const findings = await findingsOf(where, targets, options, signal);
  const json = jsonOf(options.version, findings);
  if (typeof options.json === 'string') writeWhole(options.json, json);
  if (options.markdown !== undefined) {
    writeFileSync(options.markdown, markdownOf(options.version, findings));
  }
  process.stdout.write(options.json === true ? json : `${tableOf(findings).join('\n')}\n`);
  return findings.every(hasPassed) ? 0 : 1;
}

function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

/** In a private engine, always: a server that runs knows other files. */
async function findingsOf(
  where: Where,
  targets: readonly Target[],
  { version, only, jobs, from, reuse, json }: CheckOptions,
  signal: AbortSignal,
): Promise<readonly LanguageFinding[]> {
  const good = targets.flatMap(({ path, file }) => (file === undefined ? [] : [path]));
  if (good.length === 0) {
    const nothing = { edition: undefined, missing: undefined, smokes: [] };
    return targets.map((target) => ({ target, ...nothing }));
  }
  const { env } = process;
  const isGiven = Boolean(env.GOZO_PACKS || env.GOZO_STATE);
  await using packs = await packsFor(targets, { from, root: where.packs, isGiven, env, signal });
  const home = installation();
  await using engine = await startLocal({
    launcher: where.launcher ?? join(home, 'sandboxd'),
    server: join(home, 'server.mjs'),
    languageFiles: good,
    floor: where.isReduced ? 'reduced' : 'full',
    packs: packs.root,
    hostToolchains: from !== 'packs' && where.hostToolchains,
    triesLanguages: false,
  });
  return await runSmokes(targets, {
    gozo: engine.gozo,
    packs,
    earlier: readEarlier(reuse, version),
    only,
    jobs: jobs ?? availableParallelism(),
    signal,
    onDone: (language, { name, differences }) => {
      const words = differences.length === 0 ? 'as expected' : 'NOT as expected';
      process.stderr.write(`${language} ${name}: ${words}\n`);
    },
    onRows: (rows) => {
      // A long run that is stopped goes on with --reuse.
      if (typeof json === 'string') writeWhole(json, jsonOf(version, rows));
    },
  });
}
