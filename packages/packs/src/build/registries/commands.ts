import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { PackedPackage } from '../../installed.js';
import { hostEnvironment, sharedBinds } from '../environment.js';
import { type BuildContext, runInside } from '../root.js';
import { runTool } from '../tool.js';

/** Debian packages that a root with Cargo has: a Rust that is newer than Debian's first one. */
export const CARGO_PACKAGES = ['cargo-web', 'rustc-web', 'gcc', 'libc6-dev', 'ca-certificates'];

/** `go install` into /usr/local/bin of a root, by the host's Go. It runs no code of a module. */
export async function installGo(
  context: BuildContext,
  root: string,
  modules: readonly string[],
): Promise<readonly PackedPackage[]> {
  const place = join(root, 'usr/local/bin');
  const cache = join(context.folders.downloads, 'go');
  mkdirSync(place, { recursive: true });
  const env = {
    ...hostEnvironment(context.env),
    GOBIN: place,
    GOPATH: cache,
    GOCACHE: join(cache, 'build'),
    // A read-only cache could not be removed by an ordinary user.
    GOFLAGS: '-modcacherw',
    CGO_ENABLED: '0',
  };
  const { signal } = context;
  for (const module of modules) {
    const command = ['go', 'install', '-trimpath', '-buildvcs=false', '-ldflags=-s -w', module];
    await runTool('go install', { command, env, signal });
  }
  // What `@latest` meant is written in the commands themselves.
  const built = await runTool('go version', {
    command: ['go', 'version', '-m', place],
    env,
    signal,
  });
  return [...built.matchAll(/^\tmod\t(\S+)\t(\S+)/gm)].map(([, name = '', version = '']) => ({
    ecosystem: 'go',
    name,
    version,
  }));
}

/** `cargo install` into /usr/local/bin of a root. Build scripts of crates run in a build root. */
export async function installCargo(
  context: BuildContext,
  { root, tools }: { root: string; tools: string },
  crates: readonly string[],
): Promise<readonly PackedPackage[]> {
  const target = join(root, 'usr/local');
  const cache = join(context.folders.downloads, 'cargo');
  for (const folder of [target, cache]) mkdirSync(folder, { recursive: true });
  await runInside('cargo install', context, {
    root: tools,
    hasNetwork: true,
    command: [
      ...['cargo', 'install', '--quiet', '--locked', '--no-track', '--root', '/mnt/target'],
      ...crates,
    ],
    binds: [...sharedBinds(context.env), [target, '/mnt/target'], [cache, '/mnt/cache']],
    env: { CARGO_TARGET_DIR: '/mnt/cache/target' },
  });
  return crates.map((crate) => {
    const [name = '', version = ''] = crate.split('@');
    return { ecosystem: 'cargo', name, version };
  });
}
