import { join } from 'node:path';
import type { PackedPackage } from '../../installed.js';
import { hostEnvironment } from '../environment.js';
import type { BuildContext } from '../root.js';
import { askTool, runTool } from '../tool.js';

/**
 * Installs packages below /usr/local of a root, with the host's npm and its configuration. No
 * script of a package runs: what only a script could fetch or compile is not there.
 */
export async function installNpm(
  context: BuildContext,
  root: string,
  packages: readonly string[],
): Promise<readonly PackedPackage[]> {
  const { folders, signal } = context;
  const env = hostEnvironment(context.env);
  const names = packages.map((name) => name.replaceAll('{arch}', process.arch));
  const place = ['--global', '--prefix', join(root, 'usr/local')];
  await runTool('npm', {
    command: [
      ...['npm', 'install', ...place, '--ignore-scripts', '--no-audit', '--no-fund'],
      ...['--no-update-notifier', '--loglevel', 'error', '--cache', join(folders.downloads, 'npm')],
      ...['--', ...names],
    ],
    env,
    signal,
  });
  // Its exit code tells of peer dependencies that a package would have liked.
  const { stdout } = await askTool({
    command: ['npm', 'ls', ...place, '--all', '--json', '--loglevel', 'error'],
    env,
    signal,
  });
  const found = new Map<string, PackedPackage>();
  collect(JSON.parse(stdout), found);
  return [...found.values()];
}

interface Node {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, Node>>;
}

function collect({ dependencies = {} }: Node, found: Map<string, PackedPackage>): void {
  for (const [name, node] of Object.entries(dependencies)) {
    const { version } = node;
    if (version !== undefined) found.set(`${name}@${version}`, { ecosystem: 'npm', name, version });
    collect(node, found);
  }
}
