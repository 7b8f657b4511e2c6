import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PackedPackage } from '../installed.js';
import { PackError } from '../pack-error.js';
import { hostEnvironment } from './environment.js';
import { type BuildContext, runInside } from './root.js';
import { sourcesOf } from './suite.js';
import { runTool } from './tool.js';

/** What apt would have to do for some packages. */
export interface Plan {
  /** Files of the archive folder. */
  readonly archives: readonly string[];
  readonly downloadBytes: number;
  readonly installedBytes: number;
}

/** Done of all, both in bytes or in hundredths. */
export type OnDone = (done: number, total: number) => void;

/**
 * apt with a state of its own: the host's sources, or those of another suite of its Debian, preferences, keys, proxies and certificates,
 * but neither its list of installed packages nor its caches and hooks.
 */
export interface Apt {
  /** Fetches the lists of packages; signatures are checked. */
  readonly update: () => Promise<void>;
  /** @param root whose packages are there already; undefined: none */
  readonly plan: (root: string | undefined, packages: readonly string[]) => Promise<Plan>;
  readonly download: (root: string | undefined, request: Request) => Promise<void>;
  /** Unpacks and configures in the root what was downloaded. */
  readonly install: (root: string, request: Request) => Promise<void>;
  readonly archives: string;
}

interface Request {
  readonly packages: readonly string[];
  readonly onDone: OnDone;
}

export async function openApt(context: BuildContext, suite: string | null): Promise<Apt> {
  const { folders } = context;
  const state = join(folders.build, suite === null ? 'apt' : `apt-${suite}`);
  const archives = join(folders.downloads, 'debian');
  // With archives in place, --print-uris would leave them out.
  const nothing = join(state, 'nothing');
  for (const folder of [join(state, 'lists'), nothing, archives].map((each) => `${each}/partial`)) {
    mkdirSync(folder, { recursive: true });
  }
  writeFileSync(join(state, 'status'), '');
  const settings = await configuration(context, state, archives);
  const sources = suite === null ? '' : await ownSources(context, state, suite);
  writeFileSync(join(state, 'apt.conf'), settings + sources);
  const env = { ...hostEnvironment(context.env), APT_CONFIG: join(state, 'apt.conf'), LC_ALL: 'C' };
  const run = (root: string | undefined, args: readonly string[], onDone?: OnDone) =>
    runTool('apt-get', {
      command: ['apt-get', ...statusOf(root), ...args],
      env,
      signal: context.signal,
      ...(onDone && { onStatus: statusReader('dlstatus', onDone) }),
    });
  const statusFd = ['-o', 'APT::Status-Fd=3'];
  return {
    archives,
    update: async () => {
      await run(undefined, ['update', '-q']);
    },
    plan: async (root, packages) =>
      planOf(
        await run(root, [
          ...['install', '-q', '--print-uris', '-o', `Dir::Cache::archives=${nothing}`],
          ...packages,
        ]),
        packages,
      ),
    download: async (root, { packages, onDone }) => {
      await run(root, ['install', '-q', '--download-only', ...statusFd, ...packages], onDone);
    },
    install: async (root, { packages, onDone }) => {
      await runInside('apt-get', context, {
        root,
        outside: true,
        command: [
          ...['apt-get', ...statusOf(root), 'install', '-q', ...statusFd],
          ...['-o', `DPkg::Chroot-Directory=${root}`, '-o', 'DPkg::Use-Pty=false'],
          ...['-o', `Dir::Cache::archives=${join(root, ARCHIVES)}`, ...packages],
        ],
        env: { APT_CONFIG: env.APT_CONFIG },
        onStatus: statusReader('pmstatus', onDone),
      });
    },
  };
}

/** Has apt read the sources of another suite than the host's, and no others. */
async function ownSources(context: BuildContext, state: string, suite: string): Promise<string> {
  const file = join(state, 'sources.list');
  writeFileSync(file, await sourcesOf(context, suite));
  return `Dir::Etc::sourcelist "${file}";\nDir::Etc::sourceparts "/dev/null";\n`;
}

/** Where a root's own dpkg finds archives. */
const ARCHIVES = 'var/cache/apt/archives';

function statusOf(root: string | undefined): readonly string[] {
  if (root === undefined) return [];
  const extended = join(root, 'var/lib/apt/extended_states');
  const status = join(root, 'var/lib/dpkg/status');
  return ['-o', `Dir::State::status=${status}`, '-o', `Dir::State::extended_states=${extended}`];
}

/** apt gives hundredths, as in `dlstatus:3:41.8:Retrieving file 3 of 9`. */
function statusReader(kind: string, onDone: OnDone): (line: string) => void {
  return (line) => {
    const [word, , percent = ''] = line.split(':');
    if (word === kind && /^[\d.]+$/.test(percent)) onDone(Number(percent), 100);
  };
}

async function configuration(
  context: BuildContext,
  state: string,
  archives: string,
): Promise<string> {
  const dump = await runTool('apt-config', {
    command: ['apt-config', 'dump', '--format', '%F "%v";%n'],
    env: hostEnvironment(context.env),
    signal: context.signal,
  });
  const kept = dump
    .split('\n')
    .filter((line) => /^Acquire::/.test(line) && !/^Acquire::IndexTargets/.test(line));
  const architecture = /^APT::Architecture "([a-z0-9-]+)"/m.exec(dump)?.[1] ?? '';
  return [
    ...kept,
    'Dir::Etc::main "/dev/null";',
    'Dir::Etc::parts "/dev/null";',
    `Dir::State "${state}";`,
    `Dir::State::status "${join(state, 'status')}";`,
    `Dir::Cache "${state}";`,
    `Dir::Cache::archives "${archives}";`,
    'Dir::Cache::pkgcache "";',
    // The lock of gozo packs holds for all of it.
    'Debug::NoLocking "true";',
    `APT::Architectures { "${architecture}"; };`,
    'APT::Install-Recommends "false";',
    'APT::Install-Suggests "false";',
    'APT::Get::Assume-Yes "true";',
    'APT::Sandbox::User "root";',
    'Acquire::Languages "none";',
    'Acquire::Retries "3";',
    '',
  ].join('\n');
}

const UNITS: Readonly<Record<string, number>> = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 };

/** Reads `apt-get install --print-uris`: lines of URI, file, size, and what it says of the disk. */
function planOf(text: string, packages: readonly string[]): Plan {
  const lines = [...text.matchAll(/^'[^']+' (\S+) (\d+)(?: \S*)?$/gm)];
  const [, size = '0', unit = 'B'] =
    /After this operation, ([\d.,]+) ([kMG]?B) of additional disk space/.exec(text) ?? [];
  if (lines.some(([, file = '']) => file.includes('/'))) {
    throw new PackError(`apt-get names archives that are none for ${packages.join(' ')}`);
  }
  return {
    archives: lines.map(([, file = '']) => file),
    downloadBytes: lines.reduce((sum, [, , bytes = '0']) => sum + Number(bytes), 0),
    installedBytes: Number(size.replaceAll(',', '')) * (UNITS[unit] ?? 1),
  };
}

/** Gives a root the archives of a plan, without a second copy on the disk. */
export function lendArchives(from: string, root: string, { archives }: Plan): void {
  mkdirSync(join(root, ARCHIVES, 'partial'), { recursive: true });
  for (const file of archives) {
    rmSync(join(root, ARCHIVES, file), { force: true });
    linkSync(join(from, file), join(root, ARCHIVES, file));
  }
}

/** Every package of a root with its version, by dpkg's own records. */
export function debianPackages(root: string): readonly PackedPackage[] {
  const text = readFileSync(join(root, 'var/lib/dpkg/status'), 'utf8');
  return text.split('\n\n').flatMap((paragraph) => {
    const name = /^Package: (\S+)$/m.exec(paragraph)?.[1];
    const version = /^Version: (\S+)$/m.exec(paragraph)?.[1];
    const isInstalled = /^Status: install ok installed$/m.test(paragraph);
    if (name === undefined || version === undefined || !isInstalled) return [];
    return [{ ecosystem: 'debian' as const, name, version }];
  });
}
