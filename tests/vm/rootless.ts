import {
  appendFileSync,
  chmodSync,
  chownSync,
  mkdirSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createNativeBackend } from '@gozolite/sandbox/backends/native/native-backend';
import type { Verdict } from './cases.js';
import { endLauncher, foldersIn, startLauncher, usedGroups, verdictOf } from './launchers.js';
import { bash, start } from './sandbox.js';

const CGROUPS = '/sys/fs/cgroup';
const FOLDER = '/run/user-1000';
const USER = 1000;
const AS_USER = ['setpriv', '--reuid', `${USER}`, '--regid', `${USER}`, '--clear-groups', '--'];
const FIRST_ID = 100_000;
const ID_FILES = ['/etc/subuid', '/etc/subgid'];
const ID_PROGRAMS = ['/usr/bin/newuidmap', '/usr/bin/newgidmap'];
/** What a service manager gives with a group (systemd.resource-control(5), Delegate=). */
const DELEGATED = ['', 'cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads'];

/** The launcher of an ordinary user, in a cgroup that was delegated to that user. */
export async function withoutRoot({ hasIds }: { readonly hasIds: boolean }): Promise<Verdict> {
  const name = hasIds ? 'with-ids' : 'without-ids';
  const socket = join(FOLDER, `${name}.sock`);
  const group = join(CGROUPS, name);
  makeGroup(group);
  mkdirSync(FOLDER, { recursive: true });
  chownSync(FOLDER, USER, USER);
  if (hasIds) grantIds();
  const floor = ['--floor', hasIds ? 'full' : 'reduced'];
  const launcher = await startLauncher(socket, group, AS_USER, floor);
  const backend = createNativeBackend({ socketPath: socket });
  const { isolation, cgroup } = await backend.diagnose();
  const run = start(backend, bash('cat /proc/self/uid_map; exec sleep 600'));
  await run.spoke;
  const groups = usedGroups(socket);
  run.cancel();
  const said = Buffer.from((await run.ended).stdout)
    .toString()
    .trim()
    .split(/\s+/);
  const hog = start(backend, bash('head -c 60M /dev/zero > /tmp/hoard', { memory_kb: 16384 }));
  const { outcome } = await hog.ended;
  await backend[Symbol.asyncDispose]();
  await endLauncher(launcher);
  for (const file of ID_FILES) rmSync(file, { force: true });
  for (const child of foldersIn(group)) rmdirSync(join(group, child));
  rmdirSync(group);
  const limit = 'limit' in outcome ? outcome.limit : outcome.kind;
  const missing = isolation.missing.map(({ layer }) => layer).filter((l) => l !== 'landlock');
  const wanted = hasIds ? { level: 'full', missing: '' } : { level: 'reduced', missing: 'own-uid' };
  return verdictOf(`${isolation.level}, cgroup ${cgroup}, ${limit}`, {
    [`the level is ${isolation.level}`]: isolation.level !== wanted.level,
    [`missing are: ${missing.join()}`]: missing.join() !== wanted.missing,
    [`limits are those of ${cgroup}`]: cgroup !== 'v2',
    [`sandboxes are elsewhere: ${groups.join()}`]:
      groups.length === 0 || !groups.every((path) => path.startsWith(`${group}/`)),
    [`the program's id is another's: ${said.join(' ')}`]: said[0] !== '1000',
    [`the memory limit did not hold: ${JSON.stringify(outcome)}`]: limit !== 'memory_kb',
  });
}

function makeGroup(group: string): void {
  writeFileSync(join(CGROUPS, 'cgroup.subtree_control'), '+memory +pids +cpu');
  mkdirSync(group);
  for (const file of DELEGATED) chownSync(join(group, file), USER, USER);
}

function grantIds(): void {
  for (const file of ID_FILES) writeFileSync(file, `${USER}:${FIRST_ID}:65536\n`);
  for (const program of ID_PROGRAMS) chmodSync(program, 0o4755);
  // newuidmap wants a name for whoever calls it.
  appendFileSync('/etc/passwd', `user:x:${USER}:${USER}::/:/bin/sh\n`);
}
