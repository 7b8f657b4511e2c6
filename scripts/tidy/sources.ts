import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative } from 'node:path';

export interface Source {
  /** Relative to the clone, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
}

/** One thing that is not as STYLE.md wants it; `line` is 0 where the whole file is meant. */
export interface Finding {
  readonly check: string;
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

const CODE = new Set(['.ts', '.mjs', '.rs']);
const NOT_OURS = new Set(['node_modules', 'build', 'target', '.git']);

/** Every code file of the clone, sorted. Attack programs are data and have their own language. */
export function readSources(root: string): readonly Source[] {
  return filesBelow(root, root)
    .filter((path) => CODE.has(extname(path)) && !path.startsWith('attacks/'))
    .map((path) => {
      const text = readFileSync(join(root, path), 'utf8');
      return { path, text, lines: text.split('\n') };
    });
}

/** Every file of the clone, sorted. */
export function filesBelow(root: string, folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .sort((left, right) => (left.name < right.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (NOT_OURS.has(entry.name)) return [];
      if (entry.isDirectory()) return filesBelow(root, path);
      return entry.isFile() ? [relative(root, path)] : [];
    });
}

export function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || path.startsWith('tests/');
}
