// `npm run tidy`: the numbers, arrows and lists of STYLE.md and DESIGN, as a test.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { checkBans, checkNames } from './tidy/forbidden.js';
import {
  checkArrows,
  checkCircles,
  checkManifests,
  importsOf,
  packageGraph,
} from './tidy/imports.js';
import { checkDependencies, checkErrors, checkLauncherLists, checkLimits } from './tidy/pages.js';
import {
  checkFileLength,
  checkFolders,
  checkLines,
  checkRustFunctions,
  checkScriptFunctions,
} from './tidy/sizes.js';
import { type Finding, filesBelow, readSources } from './tidy/sources.js';
import { checkThreatModel } from './tidy/threat-model.js';

interface Exception {
  readonly check: string;
  readonly path: string;
  readonly reason: string;
}

/** What may be otherwise than STYLE.md says, and why. A row that excuses nothing is an error. */
const EXCEPTIONS: readonly Exception[] = [];

const SCRIPT_FOLDERS = ['packages', 'scripts', 'tests', 'benchmarks'];

function main(): number {
  const root = process.cwd();
  const sources = readSources(root);
  const imports = importsOf(sources);
  const found: readonly Finding[] = [
    ...sources.flatMap((source) => [
      ...checkLines(source),
      ...checkFileLength(source),
      ...checkRustFunctions(source),
      ...checkBans(source),
      ...checkNames(source.path),
    ]),
    ...checkFolders(filesBelow(root, root)),
    ...checkScriptFunctions(root, SCRIPT_FOLDERS),
    ...checkArrows(imports),
    ...checkCircles(imports),
    ...checkManifests(root, imports),
    ...checkDependencies(root),
    ...checkErrors(root),
    ...checkLimits(root),
    ...checkLauncherLists(root, sources),
    ...checkThreatModel(root),
  ];
  const findings = withExceptions(found);
  process.stdout.write(`Packages:\n${packageGraph(imports).join('\n')}\n`);
  for (const { path, line, check, message } of findings) {
    process.stdout.write(`${path}:${line}: ${check}: ${message}\n`);
  }
  const biome = spawnSync(join(root, 'node_modules/.bin/biome'), ['check', '.'], {
    cwd: root,
    stdio: 'inherit',
  });
  const summary = `${sources.length} code files, ${findings.length} findings`;
  process.stdout.write(`${summary}, ${EXCEPTIONS.length} exceptions\n`);
  return findings.length === 0 && biome.status === 0 ? 0 : 1;
}

function withExceptions(findings: readonly Finding[]): readonly Finding[] {
  const excuses = (row: Exception, each: Finding) =>
    row.check === each.check && row.path === each.path;
  const idle = EXCEPTIONS.filter((row) => !findings.some((each) => excuses(row, each)));
  return [
    ...findings.filter((each) => !EXCEPTIONS.some((row) => excuses(row, each))),
    ...idle.map(({ check, path }) => ({
      check: 'exception',
      path,
      line: 0,
      message: `the exception from ${check} is no longer needed`,
    })),
  ];
}

process.exit(main());
