import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { rustFunctions } from './rust-text.js';
import type { Finding, Source } from './sources.js';

const COLUMNS_MAX = 100;
const FILE_LINES_MAX = 300;
const FUNCTION_LINES_MAX = 60;
const PARAMETERS_MAX = 4;
const FOLDER_FILES_MAX = 15;

/** Folders whose files are data: one per language, attack, golden frame or record. */
const DATA_FOLDERS = /^(languages|attacks|fixtures|docs\/adr|crates\/[\w-]+\/policies)(\/|$)/;

export function checkLines(source: Source): readonly Finding[] {
  return source.lines.flatMap((line, at) => {
    // A character outside the Basic Multilingual Plane is one column, not two.
    const columns = [...line].length;
    if (columns <= COLUMNS_MAX) return [];
    return [finding('columns', source.path, at + 1, `${columns} columns, at most ${COLUMNS_MAX}`)];
  });
}

export function checkFileLength(source: Source): readonly Finding[] {
  const count = source.lines.length - (source.lines.at(-1) === '' ? 1 : 0);
  if (count <= FILE_LINES_MAX) return [];
  return [finding('file', source.path, 0, `${count} lines, at most ${FILE_LINES_MAX}`)];
}

export function checkFolders(paths: readonly string[]): readonly Finding[] {
  const counts = new Map<string, number>();
  for (const path of paths) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
  return [...counts]
    .filter(([folder, count]) => count > FOLDER_FILES_MAX && !DATA_FOLDERS.test(folder))
    .map(([folder, count]) =>
      finding('folder', folder, 0, `${count} files, at most ${FOLDER_FILES_MAX}`),
    );
}

export function checkRustFunctions(source: Source): readonly Finding[] {
  if (!source.path.endsWith('.rs')) return [];
  return rustFunctions(source.text).flatMap((each) => {
    const say = (check: string, what: string) =>
      finding(check, source.path, each.line, `${each.name}: ${what}`);
    return [
      ...(each.bodyLines > FUNCTION_LINES_MAX
        ? [say('function', `${each.bodyLines} lines, at most ${FUNCTION_LINES_MAX}`)]
        : []),
      ...(each.parameters > PARAMETERS_MAX
        ? [say('parameters', `${each.parameters} parameters, at most ${PARAMETERS_MAX}`)]
        : []),
    ];
  });
}

interface BiomeReport {
  readonly diagnostics: readonly {
    readonly category: string;
    readonly message: string;
    readonly location: { readonly path: string; readonly start?: { readonly line: number } };
  }[];
}

const BIOME_CHECKS: Readonly<Record<string, string>> = {
  'lint/complexity/noExcessiveLinesPerFunction': 'function',
  'lint/complexity/useMaxParams': 'parameters',
};

/**
 * Function length and parameters of TypeScript and JavaScript, measured by Biome's parser with the
 * same numbers (function-size.json).
 */
export function checkScriptFunctions(root: string, folders: readonly string[]): readonly Finding[] {
  const config = '--config-path=scripts/tidy/function-size.json';
  const args = ['lint', config, '--reporter=json', '--max-diagnostics=none', ...folders];
  const run = spawnSync(join(root, 'node_modules/.bin/biome'), args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const report: BiomeReport = JSON.parse(run.stdout);
  return report.diagnostics.flatMap(({ category, message, location }) => {
    const check = BIOME_CHECKS[category];
    if (check === undefined) return [];
    return [finding(check, location.path, location.start?.line ?? 0, message)];
  });
}

function finding(check: string, path: string, line: number, message: string): Finding {
  return { check, path, line, message };
}
