import { chmodSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Diagnostics } from '@gozolite/contract/capabilities';
import type { Execution } from '@gozolite/contract/execution';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../server-under-test.js';
import { buildTree } from '../vm/image.js';
import { type DockerEngine, startDockerEngine } from './docker-engine.js';
import { type Installed, install } from './installed.js';

/**
 * GozoLite inside a container as docs/guides/run-in-docker.md starts it: an ordinary user, no
 * capability, our seccomp profile, and a /proc that is not masked.
 */
const ROOT = process.cwd();
const PREPARE_MS_MAX = 240_000;
const READY_MS_MAX = 60_000;
const BASE = 'gozolite-base:test';
const IMAGE = 'gozolite:test';
const BARE = ['--network', 'none', '--cap-drop', 'ALL'];
const OURS = ['--security-opt', `seccomp=${join(ROOT, 'deploy/docker/seccomp.json')}`];
const WHOLE_PROC = ['--security-opt', 'systempaths=unconfined'];

let folder: string;
let installed: Installed;
let engine: DockerEngine;

beforeAll(async () => {
  folder = mkdtempSync('/tmp/gozolite-image-');
  const root = buildTree({ folder, modules: [], content: [] });
  chmodSync(join(root, 'tmp'), 0o1777);
  if (!existsSync(join(root, 'usr/bin/sh'))) symlinkSync('bash', join(root, 'usr/bin/sh'));
  installed = install();
  engine = await startDockerEngine();
  engine.importTree(root, BASE, ['ENV PATH=/usr/sbin:/usr/bin:/sbin:/bin']);
  const build = ['build', '--network', 'none', '--build-arg', `BASE=${BASE}`, '-t', IMAGE];
  const file = ['-f', join(ROOT, 'deploy/docker/Dockerfile')];
  const { code, output } = engine.docker(...build, ...file, installed.folder);
  if (code !== 0) throw new Error(output);
}, PREPARE_MS_MAX);

afterAll(async () => {
  engine?.docker('rm', '--force', 'gozolite');
  await engine?.[Symbol.asyncDispose]();
  installed?.[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
}, PREPARE_MS_MAX);

describe('where the host withholds something, the start refuses and names the remedy', () => {
  const rows = [
    {
      name: "Docker's own seccomp profile",
      options: [...BARE],
      says: /cannot make a user namespace[\s\S]* seccomp=deploy\/docker\/seccomp\.json/,
    },
    {
      name: 'a masked /proc',
      options: [...BARE, ...OURS],
      says: /cannot make a \/proc[\s\S]*masked-proc[\s\S]*--security-opt systempaths=unconfined/,
    },
    {
      name: 'root without capabilities',
      options: [...BARE, ...OURS, ...WHOLE_PROC, '--user', '0:0'],
      says: /root without CAP_SYS_ADMIN[\s\S]*--user 1000/,
    },
    {
      name: 'the floor of full',
      options: [...BARE, ...OURS, ...WHOLE_PROC, '--env', 'GOZO_ISOLATION_FLOOR=full'],
      says: /ordinary user \(uid 1000\)[\s\S]*GOZO_ISOLATION_FLOOR=reduced/,
    },
  ] as const;
  for (const { name, options, says } of rows) {
    test(name, { timeout: READY_MS_MAX }, () => {
      const { code, output } = engine.docker('run', '--rm', ...options, IMAGE);
      expect(output).toMatch(says);
      expect(code).not.toBe(0);
    });
  }
});

describe('with the profile that we ship', () => {
  beforeAll(async () => {
    const options = [...BARE, ...OURS, ...WHOLE_PROC];
    engine.docker('run', '--detach', '--name', 'gozolite', ...options, IMAGE);
    await eventually('the start report', READY_MS_MAX, () => {
      const { output } = engine.docker('logs', 'gozolite');
      if (output.includes('did not start')) throw new Error(output);
      return output.includes('Ctrl-C') || undefined;
    });
  }, READY_MS_MAX);

  test('its programs run, at level reduced, under filters of both', async () => {
    const code = "print(*[l for l in open('/proc/self/status') if l.startswith('Seccomp')])";
    const execution = ask<Execution>('/execute', { language: 'python', code });
    expect(execution).toMatchObject({ status: 'ok' });
    expect(execution.stdout).toMatch(/Seccomp:\t2[\s\S]*Seccomp_filters:\t2/);
    expect(execution.isolation.level).toBe('reduced');
  });

  test('limits are held in the container too', () => {
    const hog = { language: 'python', code: 'block = bytearray(200 << 20); input()' };
    const limits = { memory_kb: 64 * 1024, wall_time_ms: 5000 };
    const execution = ask<Execution>('/execute', { ...hog, stdin: '', limits });
    expect(execution).toMatchObject({ status: 'memory_limit_exceeded', limit: 'memory_kb' });
  });

  test('gozo doctor names the level, the lack and the container', () => {
    const doctor = ['exec', 'gozolite', 'node', 'build/gozo.mjs', 'doctor', '--json'];
    const { code, output } = engine.docker(...doctor);
    expect(code, output).toBe(0);
    const diagnostics: Diagnostics = JSON.parse(output);
    expect(diagnostics.isolation.level).toBe('reduced');
    const outer = diagnostics.findings.find(({ id }) => id === 'outer-seccomp');
    expect(outer?.detail).toContain('in force already');
  });

  test('docker stop ends it with 0', () => {
    engine.docker('stop', '--time', '30', 'gozolite');
    const { output } = engine.docker('inspect', '--format', '{{.State.ExitCode}}', 'gozolite');
    expect(output.trim()).toBe('0');
  });
});

/** The container has no network: the question comes from inside. */
function ask<T>(path: string, body: object): T {
  const script = `
    const headers = { 'content-type': 'application/json' };
    const body = ${JSON.stringify(JSON.stringify(body))};
    const answer = await fetch('http://127.0.0.1:7070${path}', { method: 'POST', headers, body });
    console.log(await answer.text());`;
  const node = ['node', '--input-type=module', '--eval', script];
  const { output } = engine.docker('exec', 'gozolite', ...node);
  try {
    return JSON.parse(output) as T;
  } catch {
    throw new Error(output);
  }
}
