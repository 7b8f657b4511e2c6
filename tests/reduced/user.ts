import { spawnSync } from 'node:child_process';

/** A system user of this test's own, gone when it is disposed of. */
export interface User extends Disposable {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

export function makeUser(): User {
  const name = `gozo-test-${process.pid}`;
  run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/bin/sh', name]);
  const uid = Number(run('id', ['-u', name]));
  const gid = Number(run('id', ['-g', name]));
  return { name, uid, gid, [Symbol.dispose]: () => void run('userdel', [name]) };
}

/** What of setpriv(1) makes a command that user's. */
export function as({ uid, gid }: User): readonly [string, ...string[]] {
  return ['setpriv', '--reuid', `${uid}`, '--regid', `${gid}`, '--clear-groups', '--'];
}

function run(program: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout.trim();
}
