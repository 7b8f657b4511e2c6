import { build } from './offers/build.js';
import type { Probe } from './offers/probe.js';
import { type DetectedToolchain, fix, probeEnv } from './recipe.js';
import type { LanguageFile } from './schema.js';

export interface DetectDeps {
  readonly probe: Probe;
  /** Whether a file is there, in the root that is looked in. */
  readonly exists: (path: string) => boolean;
  readonly rootfs: string;
}

export type Detection =
  | { readonly kind: 'found'; readonly toolchains: readonly DetectedToolchain[] }
  | { readonly kind: 'missing'; readonly reason: string }
  /** No sandbox could be had to ask in: it says nothing about the toolchain. */
  | { readonly kind: 'not-asked'; readonly reason: string };

type Asked =
  | { readonly kind: 'found'; readonly toolchain: DetectedToolchain }
  | Exclude<Detection, { kind: 'found' }>;

/** Asks every candidate that exists for its version; the first of each version counts. */
export async function detect(file: LanguageFile, deps: DetectDeps): Promise<Detection> {
  const candidates = file.toolchain.candidates.filter(
    (paths) => missingOf(file, paths, deps).length === 0,
  );
  if (candidates.length === 0) return { kind: 'missing', reason: absence(file, deps) };
  const toolchains: DetectedToolchain[] = [];
  let refused: Exclude<Detection, { kind: 'found' }> | undefined;
  for (const paths of candidates) {
    const asked = await ask(file, paths, deps);
    if (asked.kind !== 'found') refused ??= asked;
    else if (!toolchains.some(({ version }) => version === asked.toolchain.version)) {
      toolchains.push(asked.toolchain);
    }
  }
  if (toolchains.length > 0) return { kind: 'found', toolchains };
  return refused ?? { kind: 'missing', reason: absence(file, deps) };
}

function missingOf(
  { toolchain }: LanguageFile,
  paths: Readonly<Record<string, string>>,
  { exists }: DetectDeps,
): readonly string[] {
  const required = (toolchain.requires ?? []).map((template) => fix(template, paths));
  return [...Object.values(paths), ...required].filter((path) => !exists(path));
}

/** Names what the nearest candidate lacks. */
function absence(file: LanguageFile, deps: DetectDeps): string {
  const [nearest = []] = file.toolchain.candidates
    .map((paths) => missingOf(file, paths, deps))
    .sort((left, right) => left.length - right.length);
  return `${nearest.join(', ')} not found`;
}

async function ask(
  file: LanguageFile,
  paths: Readonly<Record<string, string>>,
  deps: DetectDeps,
): Promise<Asked> {
  const { toolchain, env } = file;
  const argv = toolchain.version.command.map((element) => fix(element, paths));
  const answer = await deps.probe(argv, probeEnv(env ?? {}, paths), deps.rootfs);
  const command = argv.join(' ');
  if (!answer) return { kind: 'not-asked', reason: `${command} could not be started in a sandbox` };
  const printed = `${answer.stdout}\n${answer.stderr}`;
  const version = new RegExp(toolchain.version.pattern, 'm').exec(printed)?.[1];
  if (version === undefined) {
    return { kind: 'missing', reason: `${command} ended with ${answer.exitCode} and no version` };
  }
  const { at_least: lowest, below } = toolchain;
  if (lowest !== undefined && compareVersions(version, lowest) < 0) {
    return { kind: 'missing', reason: `found ${version}, at least ${lowest} is needed` };
  }
  if (below !== undefined && compareVersions(version, below) >= 0) {
    return { kind: 'missing', reason: `found ${version}, one below ${below} is needed` };
  }
  const built = await build(file, { version, paths }, deps);
  return { kind: 'found', toolchain: { version, paths, ...(built && { built }) } };
}

/** Negative where `left` is the lower one. Numbers between dots; letters end the comparison. */
export function compareVersions(left: string, right: string): number {
  const numbers = (version: string) => version.split('.').map((part) => Number.parseInt(part, 10));
  const [one, other] = [numbers(left), numbers(right)];
  for (let index = 0; index < Math.max(one.length, other.length); index += 1) {
    const difference = (one[index] || 0) - (other[index] || 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
