import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { serverUnderTest } from '../server-under-test.js';
import { type Example, examplesOf, withoutVarying } from './examples.js';

const ROOT = process.cwd();
/** What the pages write, for the server that `npm start` starts. */
const DEFAULT_ADDRESS =
  /http:\/\/(?:127\.0\.0\.1|localhost):7070|\b(?:127\.0\.0\.1|localhost):7070/g;

/** Commands that other suites run: these tests run inside one of them. */
const RUN_ELSEWHERE = [/^(sudo )?npm (start|test|run test:all|run tidy)\b/, /^git clone /, /^cd /];

const { url } = serverUnderTest();

for (const page of ['README.md']) {
  const examples = examplesOf(readFileSync(join(ROOT, page), 'utf8'));

  test(`${page} has an example with its answer`, () => {
    assert.ok(examples.some(({ answer }) => answer !== null));
  });

  for (const example of examples) {
    const lines = example.command.split('\n');
    if (lines.every((line) => RUN_ELSEWHERE.some((pattern) => pattern.test(line)))) continue;
    test(`${page}:${example.line} does what it shows`, () => check(example));
  }
}

function check({ command, answer }: Example): void {
  const program = command
    .replace(DEFAULT_ADDRESS, url)
    .replace(/^(npx )?gozo\b/gm, `node ${join(ROOT, 'build', 'gozo.mjs')}`);
  const run = spawnSync('/bin/bash', ['-euo', 'pipefail', '-c', program], {
    encoding: 'utf8',
    env: { ...process.env, GOZO_URL: url },
    timeout: 60_000,
  });
  assert.equal(run.status, 0, `${command}\n${run.stderr}${run.stdout}`);
  if (answer === null) return;
  if (answer.kind === 'text') {
    assert.equal(run.stdout.trimEnd(), answer.text);
    return;
  }
  const got = withoutVarying(JSON.parse(run.stdout));
  // A page may show a part of a record, never something else than what comes.
  expect(got).toMatchObject(Object(withoutVarying(JSON.parse(answer.text))));
}
