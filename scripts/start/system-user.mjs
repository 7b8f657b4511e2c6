import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { StartError } from './errors.mjs';

/** The unprivileged user that the server runs as. */
export const USER = 'gozolite';

/** uid and gid of the system user, which is made where it does not exist. */
export function ensureSystemUser() {
  return find() ?? create();
}

function find() {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`${USER}:`));
  if (line === undefined) return undefined;
  const [, , uid, gid] = line.split(':');
  if (uid === '0') throw new StartError(`the user ${USER} has uid 0; it must be an ordinary one`);
  return { uid: Number(uid), gid: Number(gid) };
}

function create() {
  const args = ['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent'];
  const run = spawnSync('useradd', [...args, '--shell', '/usr/sbin/nologin', USER], {
    encoding: 'utf8',
  });
  const user = find();
  if (user === undefined) {
    throw new StartError(`useradd ${USER}: ${run.error?.message ?? run.stderr.trim()}`);
  }
  return user;
}
