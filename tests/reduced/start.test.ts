import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Capabilities, Diagnostics } from '@gozolite/contract/capabilities';
import type { Execution } from '@gozolite/contract/execution';
import type { Readiness } from '@gozolite/contract/health';
import { loadLanguages } from '@gozolite/languages/load';
import { differencesOf } from '@gozolite/languages/smokes/differences';
import { smokesOf } from '@gozolite/languages/smokes/smokes';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CI_LANGUAGES } from '../../scripts/test/ci-languages.mjs';
import { freePort } from '../../scripts/test/test-server.mjs';
import { eventually } from '../server-under-test.js';
import { refusedStart, type Started, startFrom } from '../start/npm-start.js';
import { traces } from '../start/traces.js';
import { type Installed, install } from './installed.js';
import { as, makeUser, type User } from './user.js';

/** GozoLite as an ordinary user runs it, and what it says where that is not enough. */
const PREPARE_MS_MAX = 120_000;
/** Compilers that take many seconds are left to the conformance suite. */
const SLOW = ['cpp', 'go', 'typescript'];
const { languages } = await loadLanguages([join(process.cwd(), 'languages')]);
const MISSING = ['own-uid', 'cgroup-memory', 'cgroup-cpu', 'cgroup-pids'];

let user: User;
let installed: Installed;
let home: string;
let env: Record<string, string>;
let started: Started;

const state = (): string => join(home, '.local/state/gozolite');
const socket = (): string => join(state(), 'run/sandboxd.sock');

beforeAll(async () => {
  user = makeUser();
  installed = install();
  home = mkdtempSync('/tmp/gozolite-user-');
  chownSync(home, user.uid, user.gid);
  env = { HOME: home, XDG_STATE_HOME: '', XDG_RUNTIME_DIR: '', GOZO_PORT: `${await freePort()}` };
  const reduced = { ...env, GOZO_ISOLATION_FLOOR: 'reduced' };
  started = await startFrom('/', [...as(user), ...installed.start], reduced);
}, PREPARE_MS_MAX);

afterAll(() => {
  installed?.[Symbol.dispose]();
  rmSync(home, { recursive: true, force: true });
  user?.[Symbol.dispose]();
});

async function ask<T>(path: string, port = env.GOZO_PORT, body?: object): Promise<T> {
  const headers = { 'content-type': 'application/json' };
  const post = { method: 'POST', headers, body: JSON.stringify(body) };
  const init = body === undefined ? {} : post;
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, init);
  return JSON.parse(await answer.text()) as T;
}

const run = (language: string, code: string, limits: object = {}): Promise<Execution> =>
  ask('/execute', env.GOZO_PORT, { language, code, limits });

describe('below the floor nothing runs, and the start says why', () => {
  test('npm start', async () => {
    const { code, output } = await refusedStart('/', [...as(user), ...installed.start], env);
    expect(code).toBe(77);
    expect(output).toMatch(/ordinary user \(uid \d+\)[\s\S]*GOZO_ISOLATION_FLOOR=reduced/);
  });

  test('the launcher itself', () => {
    const launcher = join(installed.folder, 'build/sandboxd');
    const [setpriv, ...who] = as(user);
    const args = [...who, launcher, '--socket', join(home, 'refused.sock')];
    const { status, stderr } = spawnSync(setpriv, args, { encoding: 'utf8', timeout: 20_000 });
    expect(status).toBe(1);
    for (const layer of MISSING) expect(stderr).toContain(`\n  ${layer}: `);
    expect(stderr).toContain('below the floor of full');
    expect(existsSync(join(home, 'refused.sock'))).toBe(false);
  });

  test('a server of another floor at a reduced launcher', async () => {
    const port = `${await freePort()}`;
    const server = serverAt(port);
    try {
      await eventually('the server answers', 20_000, () =>
        ask('/healthz', port).catch(() => undefined),
      );
      const readiness = await ask<Readiness>('/readyz', port);
      expect(readiness).toMatchObject({ ready: false, reason: 'ISOLATION_REDUCED' });
      const execution = await ask<Execution>('/execute', port, { language: 'bash', code: 'id' });
      expect(execution).toMatchObject({
        status: 'failed',
        error: 'SANDBOX_UNAVAILABLE',
        stdout: '',
      });
      expect(execution.message).toBe('isolation is reduced, and the floor of this server is full');
    } finally {
      server.kill('SIGTERM');
      await once(server, 'close');
    }
  });
});

function serverAt(port: string): ChildProcess {
  const [setpriv, ...who] = as(user);
  const data = join(home, 'other');
  mkdirSync(data);
  // What is known of toolchains already: with nothing known there would be no execution.
  cpSync(join(state(), 'data/detection.json'), join(data, 'detection.json'));
  for (const path of [data, join(data, 'detection.json')]) chownSync(path, user.uid, user.gid);
  const server = join(installed.folder, 'build/server.mjs');
  return spawn(setpriv, [...who, process.execPath, server], {
    env: { PATH: '/usr/bin:/bin', GOZO_PORT: port, GOZO_SOCKET: socket(), GOZO_DATA: data },
    stdio: 'ignore',
  });
}

describe('at the floor', () => {
  test('the report, /capabilities and /diagnostics name level and lack', async () => {
    expect(started.output()).toMatch(/isolation +reduced \(native\), seccomp on/);
    expect(started.output()).toMatch(/cgroup none, kernel/);
    const { isolation } = await ask<Capabilities>('/capabilities');
    expect(isolation.level).toBe('reduced');
    expect(isolation.missing.map(({ layer }) => layer)).toEqual(expect.arrayContaining(MISSING));
    const diagnostics = await ask<Diagnostics>('/diagnostics');
    expect(diagnostics.healthy).toBe(true);
    const ids = diagnostics.findings.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(['own-uid', 'cgroup', 'outer-seccomp']));
    const lacks = diagnostics.findings.filter(({ id }) => ['own-uid', 'cgroup'].includes(id));
    for (const { state, remedy } of lacks) {
      expect(state).toBe('missing');
      expect(remedy).toBeDefined();
    }
    expect(await ask<Readiness>('/readyz')).toEqual({ ready: true });
  });

  test('a program runs, and its record says how it was isolated', async () => {
    const record = await run('python', 'import os; print(21 * 2, os.getuid())');
    expect(record).toMatchObject({ status: 'ok', stdout: '42 1000\n' });
    expect(record.isolation.level).toBe('reduced');
    expect(record.isolation.missing.map(({ layer }) => layer)).toEqual(
      expect.arrayContaining(MISSING),
    );
  });

  test('memory past its limit ends the run, in one process and in several', async () => {
    const hog = 'block = bytearray(300 << 20)\nimport time\ntime.sleep(5)';
    const several = `import os\nfor _ in range(3): os.fork()\n${hog.replace('300', '40')}`;
    for (const code of [hog, several]) {
      const record = await run('python', code, { memory_kb: 128 * 1024 });
      expect(record).toMatchObject({ status: 'memory_limit_exceeded', limit: 'memory_kb' });
    }
  });

  test('what processes share after a fork counts once', async () => {
    const code = `
import os, time
block = bytearray(40 << 20)
for _ in range(5):
    if os.fork() == 0:
        time.sleep(0.3)
        os._exit(0)
time.sleep(0.4)
print(len(block))`;
    const record = await run('python', code, { memory_kb: 128 * 1024 });
    expect(record).toMatchObject({ status: 'ok', stdout: `${40 << 20}\n` });
    expect(record.memory_kb).toBeLessThan(100 * 1024);
  });

  test('a process past the limit is refused by the kernel and seen by the launcher', async () => {
    const code = `
import os, time
for _ in range(100):
    try:
        if os.fork() == 0:
            time.sleep(1)
            os._exit(0)
    except BlockingIOError:
        time.sleep(0.5)
        raise SystemExit('refused')`;
    const record = await run('python', code, { processes: 20 });
    expect(record).toMatchObject({ status: 'process_limit_exceeded', stderr: 'refused\n' });
    expect(record.limits_hit).toContain('processes');
  });

  test('CPU time is counted over all processes', async () => {
    const code = 'import os\nos.fork(); os.fork()\nwhile True: pass';
    const record = await run('python', code, { cpu_time_ms: 1000, wall_time_ms: 30_000 });
    expect(record).toMatchObject({ status: 'time_limit_exceeded', limit: 'cpu_time_ms' });
    expect(record.cpu_time_ms).toBeLessThan(2000);
  });

  test('a compile leaves its output to the run', async () => {
    const code = '#include <stdio.h>\nint main(void) { puts("compiled"); }';
    expect(await run('c', code)).toMatchObject({ status: 'ok', stdout: 'compiled\n' });
  });
});

/** Of those that `npm test` installs. */
const isTested = (id: string): boolean => CI_LANGUAGES.includes(id) && !SLOW.includes(id);

describe('one program of each language', () => {
  for (const { file } of languages.filter(({ file }) => isTested(file.id))) {
    const smoke = smokesOf(file).find(({ name }) => name === 'hello');
    test(`${file.id}: ${smoke?.name}`, { timeout: PREPARE_MS_MAX }, async () => {
      if (smoke === undefined) throw new Error(`${file.id} has no smoke program`);
      const body = { language: file.id, ...smoke.request };
      const execution = await ask<Execution>('/execute', env.GOZO_PORT, body);
      expect(differencesOf(smoke.expect, execution), JSON.stringify(execution)).toEqual([]);
      expect(execution.isolation.level).toBe('reduced');
    });
  }
});

test('SIGTERM ends it with 0 and leaves no process, socket or mount', async () => {
  process.kill(started.pid, 'SIGTERM');
  expect(await started.ended).toBe(0);
  // The last of them may be dead and not yet reaped.
  const left = () => spawnSync('pgrep', ['-u', user.name], { encoding: 'utf8' }).stdout;
  await expect.poll(left, { timeout: 2000 }).toBe('');
  expect(traces(socket(), state())).toEqual({ socket: false, cgroups: [], mounts: [] });
});
