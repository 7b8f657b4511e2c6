import { substitute } from '../file/template.js';
import { type Built, type DetectedToolchain, fix, probeEnv } from '../recipe.js';
import type { LanguageFile } from '../schema.js';
import type { Probe } from './probe.js';

interface Place {
  readonly probe: Probe;
  readonly rootfs: string;
}

/** What a probe was asked to build before: a look at the toolchains every few minutes is cheap. */
const known = new WeakMap<Probe, Map<string, string>>();

/** Builds what a toolchain is booted with, in a sandbox. Undefined where there is nothing to. */
export async function build(
  file: LanguageFile,
  { version, paths }: DetectedToolchain,
  { probe, rootfs }: Place,
): Promise<Built | undefined> {
  const before = known.get(probe) ?? new Map<string, string>();
  known.set(probe, before);
  const built: { compile?: string; run?: string } = {};
  for (const name of ['compile', 'run'] as const) {
    const what = file[name]?.prepare?.build;
    if (what === undefined) continue;
    const argv = what.command.map((element) =>
      substitute(fix(element, paths), (each) => (each.name === 'source' ? what.source : undefined)),
    );
    const key = JSON.stringify([rootfs, version, argv]);
    const text = before.get(key) ?? (await printed(argv, file, { paths, probe, rootfs }));
    if (text === undefined) continue;
    before.set(key, text);
    built[name] = text;
  }
  return Object.keys(built).length > 0 ? built : undefined;
}

interface Ground extends Place {
  readonly paths: Readonly<Record<string, string>>;
}

async function printed(
  argv: readonly string[],
  { env = {} }: LanguageFile,
  { paths, probe, rootfs }: Ground,
): Promise<string | undefined> {
  const answer = await probe(argv, probeEnv(env, paths), rootfs);
  return answer?.exitCode === 0 ? answer.stdout.trimEnd() : undefined;
}
