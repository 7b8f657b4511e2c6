import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, normalize } from 'node:path';
import { type Finding, isTest, type Source } from './sources.js';

/** DESIGN: which package may import which, lowest floor first. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  contract: [],
  telemetry: [],
  languages: ['contract'],
  sandbox: ['contract'],
  sdk: ['contract'],
  store: [],
  tenancy: ['contract', 'languages', 'store'],
  attacks: ['contract', 'sandbox'],
  packs: ['contract', 'languages'],
  engine: ['contract', 'telemetry', 'languages', 'sandbox'],
  server: [
    'contract',
    'telemetry',
    'languages',
    'sandbox',
    'attacks',
    'engine',
    'store',
    'tenancy',
  ],
  cli: ['contract', 'sdk', 'languages', 'attacks', 'packs', 'store', 'tenancy'],
};

/** Arrows of single files: the CLI's embedded mode is the one place that starts a server itself. */
const FILE_ARROWS: Readonly<Record<string, readonly string[]>> = {
  'packages/cli/src/local.ts': ['server'],
};

interface Import {
  readonly from: string;
  readonly line: number;
  readonly specifier: string;
}

const SPECIFIER = /(?:\bfrom\s*|\bimport\s*\(?\s*)(['"])([^'"\n]+)\1/g;

/** Every import of the packages' sources, type-only and dynamic ones included. */
export function importsOf(sources: readonly Source[]): readonly Import[] {
  return sources
    .filter(({ path }) => path.startsWith('packages/') && path.endsWith('.ts'))
    .flatMap((source) =>
      [...withoutComments(source.text).matchAll(SPECIFIER)].map((match) => ({
        from: source.path,
        line: source.text.slice(0, match.index).split('\n').length,
        specifier: match[2] ?? '',
      })),
    );
}

/** Blanks comments, keeping every offset. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/[^\n]*/gm, (part) => part.replace(/[^\n]/g, ' '));
}

export function packageOf(path: string): string {
  return path.split('/')[1] ?? '';
}

function target(specifier: string): string | undefined {
  return /^@gozolite\/([\w-]+)/.exec(specifier)?.[1];
}

export function checkArrows(imports: readonly Import[]): readonly Finding[] {
  return imports.flatMap(({ from, line, specifier }) => {
    const own = packageOf(from);
    const other = target(specifier);
    const allowed = ARROWS[own];
    const say = (message: string) => [{ check: 'arrows', path: from, line, message }];
    if (allowed === undefined) return say(`the package ${own} has no row in ARROWS`);
    if (specifier.startsWith('.')) {
      const inside = normalize(join(dirname(from), specifier)).startsWith(`packages/${own}/`);
      return inside ? [] : say(`${specifier} leaves the package; import it by its name`);
    }
    if (other === undefined || other === own) return [];
    if (allowed.includes(other) || FILE_ARROWS[from]?.includes(other)) return [];
    return say(`${own} may not import ${other}`);
  });
}

/** What a package imports is what its package.json lists: no more, no less. */
export function checkManifests(root: string, imports: readonly Import[]): readonly Finding[] {
  return Object.keys(ARROWS).flatMap((name) => {
    const path = `packages/${name}/package.json`;
    const manifest = JSON.parse(readFileSync(join(root, path), 'utf8'));
    const listed = new Set(Object.keys(manifest.dependencies ?? {}));
    const own = imports.filter(({ from }) => packageOf(from) === name);
    const used = new Set(
      own
        .filter(({ from }) => !isTest(from))
        .map(npmName)
        .filter(isOutside),
    );
    const unlisted = own
      .filter((each) => isOutside(npmName(each)) && !listed.has(npmName(each)))
      .filter((each) => !isTest(each.from) && npmName(each) !== `@gozolite/${name}`)
      .map((each) => ({
        check: 'manifest',
        path: each.from,
        line: each.line,
        message: `${npmName(each)} is no dependency in ${path}`,
      }));
    const unused = [...listed]
      .filter((each) => !used.has(each))
      .map((each) => ({ check: 'manifest', path, line: 0, message: `nothing imports ${each}` }));
    return [...unlisted, ...unused];
  });
}

function npmName({ specifier }: Import): string {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? '');
}

function isOutside(name: string): boolean {
  return !name.startsWith('.') && !name.startsWith('node:') && !builtinModules.includes(name);
}

/** Circles between files, each named once by its files in order. */
export function checkCircles(imports: readonly Import[]): readonly Finding[] {
  const edges = new Map<string, string[]>();
  for (const { from, specifier } of imports) {
    const to = fileOf(from, specifier);
    if (to !== undefined) edges.set(from, [...(edges.get(from) ?? []), to]);
  }
  const done = new Set<string>();
  const circles = new Map<string, Finding>();
  const visit = (file: string, trail: readonly string[]): void => {
    const at = trail.indexOf(file);
    if (at >= 0) {
      const circle = trail.slice(at);
      const message = [...circle, file].join(' → ');
      const key = [...circle].sort().join();
      circles.set(key, { check: 'circles', path: file, line: 0, message });
      return;
    }
    if (done.has(file)) return;
    for (const next of edges.get(file) ?? []) visit(next, [...trail, file]);
    done.add(file);
  };
  for (const file of edges.keys()) visit(file, []);
  return [...circles.values()];
}

function fileOf(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) {
    return normalize(join(dirname(from), specifier)).replace(/\.js$/, '.ts');
  }
  const match = /^@gozolite\/([\w-]+)\/(.+)$/.exec(specifier);
  return match === null ? undefined : `packages/${match[1]}/src/${match[2]}.ts`;
}

/** One line per package: what it really imports. */
export function packageGraph(imports: readonly Import[]): readonly string[] {
  const width = Math.max(...Object.keys(ARROWS).map((name) => name.length));
  return Object.keys(ARROWS).map((name) => {
    const others = imports
      .filter(({ from }) => packageOf(from) === name)
      .flatMap(({ specifier }) => target(specifier) ?? [])
      .filter((other) => other !== name);
    const list = [...new Set(others)].sort().join(', ');
    return `  ${name.padEnd(width)} → ${list === '' ? '(nothing of ours)' : list}`;
  });
}
