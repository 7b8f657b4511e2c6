import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { build } from '../../build/build.mjs';
import { runLoudly } from '../../build/run-loudly.mjs';
import { testLanguages } from '../ci-languages.mjs';
import { runVitest } from '../run-vitest.mjs';
import { startContainerServer } from './container-server.mjs';
import { startTestEngine } from './test-engine.mjs';

/** What the suite takes when it is asked for by name; test:all takes all. */
const LANGUAGES = 'bash,python';
const POLICY = '/usr/sbin/policy-rc.d';

/**
 * The container backend against a Docker engine that only this suite has: started in namespaces of
 * its own, with the server as an ordinary user beside it, and both gone afterwards.
 */
export async function runContainerSuite({ say, whole }) {
  await ensureDocker(say);
  await build(say);
  const engine = await startTestEngine(say);
  let counts = { passed: 0, failed: 0 };
  let server;
  try {
    server = await startContainerServer(engine, say);
    process.env.GOZO_TEST_ENGINE = JSON.stringify(engine.world);
    process.env.GOZO_TEST_LANGUAGES = whole ? testLanguages(false).join(',') : LANGUAGES;
    counts = await runVitest('container', server.underTest);
  } finally {
    delete process.env.GOZO_TEST_ENGINE;
    delete process.env.GOZO_TEST_LANGUAGES;
    const left = [...((await server?.stop()) ?? []), ...(await engine.stop())];
    for (const each of left) say(`left behind: ${each}`);
    counts = left.length === 0 ? counts : { ...counts, failed: counts.failed + 1 };
  }
  return { ...counts, passed: counts.passed + 1 }; // That nothing is left is a test too.
}

/** Installs the engine, but starts no service of it: the suite has one of its own. */
async function ensureDocker(say) {
  if (existsSync('/usr/sbin/dockerd') && existsSync('/usr/bin/containerd')) return;
  say('Installing docker.io (its service is not started) …');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const isOurs = !existsSync(POLICY);
  if (isOurs) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    await runLoudly('apt-get', ['update', '-q'], { env });
    const packages = ['docker.io', 'containerd', 'runc'];
    await runLoudly('apt-get', ['install', '-y', '--no-install-recommends', ...packages], { env });
  } finally {
    if (isOurs) rmSync(POLICY);
  }
}
