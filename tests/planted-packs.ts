import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Packs put in place by hand, from programs of this host, as `gozo packs` would have made them. */
export interface PlantedPack {
  readonly name: string;
  readonly digest: string;
}

/** What a pack holds beside the programs: text by path, below usr or etc. */
export type Texts = Readonly<Record<string, string>>;

/** Commands that programs of a tree need to be of any use. */
export const TOOLS = ['bash', 'cat', 'ls', 'sleep', 'id'];

/** A name that is one: nobody compares it with what the tree holds. */
export const digestOf = (name: string): string => createHash('sha256').update(name).digest('hex');

export function plantTree(packs: string, digest: string, texts: Texts): string {
  const tree = join(packs, 'trees', digest);
  for (const path of TOOLS.map((tool) => `/usr/bin/${tool}`).flatMap(withLibraries)) {
    const target = join(tree, path.startsWith('/usr/') ? path : join('/usr', path));
    makeFolder(dirname(target));
    copyFileSync(path, target); // What a link leads to.
    chmodSync(target, 0o755);
  }
  for (const [path, text] of Object.entries(texts)) {
    const target = join(tree, path);
    makeFolder(dirname(target));
    writeFileSync(target, text);
    chmodSync(target, text.startsWith('#!') ? 0o755 : 0o644);
  }
  return tree;
}

/** A data set's tree: texts by path, nothing of which is a program. */
export function plantData(packs: string, digest: string, texts: Texts): string {
  const data = join(packs, 'trees', digest, 'data');
  makeFolder(data);
  for (const [path, text] of Object.entries(texts)) {
    makeFolder(dirname(join(data, path)));
    writeFileSync(join(data, path), text, { mode: 0o644 });
  }
  return data;
}

/** The tree first, then, by a rename, the word that it is there. */
export function plantPack(packs: string, name: string, texts: Texts): PlantedPack {
  const digest = digestOf(`${name} ${JSON.stringify(texts)}`);
  plantTree(packs, digest, texts);
  const [language = '', rest = ''] = name.split('@');
  const [version = '', variant = null] = rest.split('+');
  const built = { built_at: '2026-11-21T00:00:00.000Z', packages: [] };
  plantWord(packs, name, {
    name,
    language,
    version,
    variant,
    digest,
    bytes: 1,
    files: 1,
    ...built,
  });
  return { name, digest };
}

export function plantWord(packs: string, name: string, word: unknown): void {
  const installed = join(packs, 'installed');
  makeFolder(installed);
  const draft = join(packs, `.${name}.new`);
  writeFileSync(draft, typeof word === 'string' ? word : JSON.stringify(word));
  renameSync(draft, join(installed, `${name}.json`));
}

export function removePack(packs: string, { name, digest }: PlantedPack): void {
  rmSync(join(packs, 'installed', `${name}.json`));
  rmSync(join(packs, 'trees', digest), { recursive: true });
}

/** Open to all and writable for its owner alone, whatever the umask. */
function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o755 });
}

const known = new Map<string, readonly string[]>();

function withLibraries(program: string): readonly string[] {
  const before = known.get(program);
  if (before !== undefined) return before;
  const printed = execFileSync('ldd', [program], { encoding: 'utf8' });
  const paths = [...printed.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path);
  known.set(program, [program, ...paths]);
  return [program, ...paths];
}
