import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createEngineApi } from '@gozolite/sandbox/backends/container/engine/engine-api';
import { afterAll, expect, test } from 'vitest';
import { eventually } from '../server-under-test.js';
import { command, program } from './commands.js';
import { ownBackend, testEngine } from './world.js';

/** Containers end with their run, with their caller and with their server; images come and go. */
const own = ownBackend();
const { backend } = own;
const engine = createEngineApi(testEngine().socket);
const ROOT = join(import.meta.dirname, '../..');
const never = new AbortController().signal;

afterAll(async () => {
  await own[Symbol.asyncDispose]();
  engine[Symbol.dispose]();
});

test('a cancelled run ends at once, and its container is gone', async () => {
  const abort = new AbortController();
  const asleep = command('import time; print("up", flush=True); time.sleep(60)');
  const result = await backend.run(asleep, {
    signal: abort.signal,
    onOutput: () => abort.abort(),
  });
  expect(result.outcome).toEqual({ kind: 'cancelled' });
  expect(Buffer.from(result.stdout).toString()).toBe('up\n');
  await gone(asleep.id);
  const before = await backend.run(command('pass'), { signal: AbortSignal.abort() });
  expect(before.outcome).toEqual({ kind: 'cancelled' });
});

test('a killed server takes its containers along, and its next life sweeps the rest', async () => {
  const id = `container/${randomUUID()}`;
  const { folder } = ownBackend();
  const runner = join(ROOT, 'build/scripts/doomed.mjs');
  const script = join(import.meta.dirname, 'doomed.ts');
  const run = join(ROOT, 'scripts/run.mjs');
  spawnSync(process.execPath, [run, script]); // Bundles it; without arguments it does nothing.
  const { socket, image } = testEngine();
  const child = spawn(process.execPath, [runner, socket, image, folder, id], { stdio: 'pipe' });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  expect(processesOf(id)).toBeGreaterThan(0);
  child.kill('SIGKILL');
  // Its input ended, so its process 1 has; the engine still knows a dead container.
  await eventually('no process of it', 20_000, () => (processesOf(id) === 0 ? true : undefined));
  expect(await known(id)).toBe(1);
  await using next = ownBackend({ folder });
  expect((await next.backend.diagnose()).isolation.level).toBe('container');
  await gone(id);
});

test('without its image nothing runs, and the diagnosis says how to make it', async () => {
  await using other = ownBackend({ image: 'gozolite/none' });
  const result = await other.backend.run(command('pass'), { signal: never });
  expect(result.outcome).toMatchObject({ kind: 'launcher-lost' });
  await expect(other.backend.diagnose()).rejects.toThrow('container-image.mjs');
});

test('an image with a /usr of its own shows nothing of the host', {
  timeout: 120_000,
}, async () => {
  const tag = 'gozolite/own-usr';
  const tree = smallTree();
  const flags = ['--usr', 'image', '--from', tree, '--tag', tag, '--uid-base', '1342177280'];
  const made = spawnSync(
    process.execPath,
    [join(ROOT, 'scripts/container-image.mjs'), '--socket', testEngine().socket, ...flags],
    { encoding: 'utf8' },
  );
  rmSync(tree, { recursive: true });
  expect(made.status, made.stderr).toBe(0);
  await using other = ownBackend({ image: tag });
  const asked = program(['/usr/bin/bash', '-c', 'echo /usr/*; echo > /usr/x || echo refused']);
  const result = await other.backend.run(asked, { signal: never });
  expect(Buffer.from(result.stdout).toString()).toBe('/usr/bin /usr/lib /usr/lib64\nrefused\n');
});

/** Bash and what it is linked with: the least /usr that runs something. */
function smallTree(): string {
  const tree = mkdtempSync(join(tmpdir(), 'gozo-tree-'));
  const { stdout } = spawnSync('ldd', ['/usr/bin/bash'], { encoding: 'utf8' });
  const libraries = [...stdout.matchAll(/(\/lib\S*)/g)].map((match) => `/usr${match[1]}`);
  for (const file of ['/usr/bin/bash', ...libraries]) {
    mkdirSync(join(tree, dirname(file)), { recursive: true });
    copyFileSync(file, join(tree, file));
  }
  return tree;
}

/** Containers of one command, dead ones too. */
async function known(id: string): Promise<number> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`gozolite.command=${id}`] }));
  const { body } = await engine.call('GET', `/containers/json?all=1&filters=${filters}`);
  return Array.isArray(body) ? body.length : -1;
}

function gone(id: string): Promise<true> {
  return eventually(`the end of ${id}`, 30_000, async () =>
    (await known(id)) === 0 ? true : undefined,
  );
}

/** Processes of the host that carry the command's id in their environment. */
function processesOf(id: string): number {
  return readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/environ`).includes(`MARK=${id}`);
    } catch {
      return false;
    }
  }).length;
}
