import { existsSync, readFileSync } from 'node:fs';
import { PackError } from '../pack-error.js';
import { hostEnvironment } from './environment.js';
import type { BuildContext } from './root.js';
import { runTool } from './tool.js';

/** Of the package debian-archive-keyring: what it does not vouch for is no Debian. */
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const PARTS = ['', '-updates', '-security'];

/**
 * Sources (sources.list(5)) of another suite of Debian, on the mirrors that the host has for its
 * own: a host of bookworm reads trixie where it reads bookworm.
 */
export async function sourcesOf(context: BuildContext, suite: string): Promise<string> {
  const targets = await runTool('apt-get', {
    command: ['apt-get', 'indextargets', '--format', '$(SITE) $(RELEASE) $(COMPONENT)'],
    env: { ...hostEnvironment(context.env), LC_ALL: 'C' },
    signal: context.signal,
  });
  const release = existsSync(OS_RELEASE) ? readFileSync(OS_RELEASE, 'utf8') : '';
  const sources = rewritten(targets, release, suite);
  if (sources.length === 0) {
    throw new PackError(`the suite ${suite} needs a host of Debian, on whose mirrors it is`);
  }
  if (!existsSync(KEYRING)) {
    throw new PackError(`${KEYRING} is missing: apt-get install debian-archive-keyring`);
  }
  return `${sources.join('\n')}\n`;
}

const OS_RELEASE = '/etc/os-release';

/** @param targets lines of site, release and component */
export function rewritten(targets: string, osRelease: string, suite: string): readonly string[] {
  const isDebian = /^ID="?debian"?$/m.test(osRelease);
  const codename = /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(osRelease)?.[1];
  if (!isDebian || codename === undefined) return [];
  const sources = targets.split('\n').flatMap((line) => {
    const [site = '', release = '', component = ''] = line.trim().split(' ');
    const part = PARTS.find((each) => release === `${codename}${each}`);
    if (part === undefined) return [];
    return [`deb [signed-by=${KEYRING}] ${site} ${suite}${part} ${component}`];
  });
  return [...new Set(sources)];
}
