import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { endLauncher, newFolder, startLauncher, works } from './launcher.js';

const ROUNDS = 12;
const AT_ONCE = 8;

test('a host whose /etc changes all the time: who is being made gets theirs', async () => {
  const folder = newFolder();
  const layers = join(folder, 'etc');
  mkdirSync(layers);
  // A /etc of its own to change, above the host's.
  const mounts = [
    `mount -t tmpfs etc ${layers}`,
    `mkdir ${layers}/upper ${layers}/work`,
    `mount -t overlay -o lowerdir=/etc,upperdir=${layers}/upper,workdir=${layers}/work etc /etc`,
  ].join(' && ');
  const before = `exec unshare --mount bash -c '${mounts} && exec "$0" "$@"'`;
  const launcher = await startLauncher({ before, folder });
  const enter = ['--target', String(launcher.pid), '--mount'];
  const change = 'while touch /etc; do sleep 0.002; done';
  const changing = spawn('nsenter', [...enter, 'bash', '-c', change], { stdio: 'ignore' });
  const said: string[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const runs = Array.from({ length: AT_ONCE }, () => works(launcher));
    said.push(...(await Promise.all(runs)));
  }
  changing.kill('SIGKILL');
  await once(changing, 'exit');
  assert.deepEqual(
    said.filter((each) => each !== '42'),
    [],
  );
  assert.equal(said.length, ROUNDS * AT_ONCE);
  assert.deepEqual(await endLauncher(launcher), []);
});
