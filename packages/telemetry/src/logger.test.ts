import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type LogLevel, loggerOnto, loggerOver } from './logger.js';

function setting(level: LogLevel = 'info') {
  const lines: string[] = [];
  const log = loggerOver(level, { write: (line) => lines.push(line) });
  return { log, last: () => JSON.parse(lines.at(-1) ?? 'null') };
}

test('a line says its level, its time in UTC, its fields and its message', () => {
  const { log, last } = setting();
  log.warn({ executionId: 'exe_1', wallMs: 1.23456 }, 'stage finished');
  const { time, ...rest } = last();
  expect(new Date(time).toISOString()).toBe(time);
  expect(rest).toEqual({
    level: 'warn',
    executionId: 'exe_1',
    wallMs: 1.235,
    msg: 'stage finished',
  });
});

test('below its level nothing is written', () => {
  const { log, last } = setting('warn');
  log.info({}, 'quiet');
  expect(last()).toBeNull();
});

test('code, input, output and keys have no way into a line', () => {
  const { log, last } = setting();
  const request = { code: 'secret', stdin: 'secret', stdout: 'secret', key: 'secret', tenant: 't' };
  log.info(request, 'admitted');
  expect(last()).toMatchObject({ tenant: 't' });
  expect(JSON.stringify(last())).not.toContain('secret');
});

test('an object where a text belongs is left out', () => {
  const { log, last } = setting();
  const fields: object = { route: { code: 'secret' } };
  log.info(fields, 'odd');
  expect(last()).not.toHaveProperty('route');
});

test('a text is cut after 1,024 characters', () => {
  const { log, last } = setting();
  log.info({ reason: 'a'.repeat(1_024) }, 'at the bound');
  expect(last().reason).toBe('a'.repeat(1_024));
  log.info({ reason: 'a'.repeat(1_025) }, 'one past it');
  expect(last().reason).toBe(`${'a'.repeat(1_024)}…`);
});

test('an error is logged with its message, but not the text that JSON.parse quotes', () => {
  const { log, last } = setting();
  log.error({ error: new Error('disk gone') }, 'failed');
  expect(last().error).toMatchObject({ name: 'Error', message: 'disk gone' });
  try {
    JSON.parse('secret');
  } catch (error) {
    log.error({ error }, 'failed');
  }
  expect(last().error.name).toBe('SyntaxError');
  expect(JSON.stringify(last())).not.toContain('secret');
});

test('lines that are due together are written in one piece, in their order', () => {
  const folder = mkdtempSync('/tmp/gozolite-log-');
  const descriptor = openSync(join(folder, 'log'), 'w');
  const log = loggerOnto('info', descriptor);
  log.info({}, 'first');
  expect(readFileSync(join(folder, 'log'), 'utf8')).toBe('');
  log.warn({}, 'second');
  const lines = readFileSync(join(folder, 'log'), 'utf8').trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['first', 'second']);
  closeSync(descriptor);
  rmSync(folder, { recursive: true });
});

test('a full disk and a pipe that nobody reads end nothing and hold nothing up', () => {
  const folder = mkdtempSync('/tmp/gozolite-log-');
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(pipe, 'w');
  closeSync(reader);
  const full = openSync('/dev/full', 'w');
  const beganMs = Date.now();
  for (const descriptor of [writer, full]) {
    const log = loggerOnto('info', descriptor);
    for (let count = 0; count < 10_000; count += 1) log.warn({ count }, 'x'.repeat(1000));
    log.flush();
    closeSync(descriptor);
  }
  expect(Date.now() - beganMs).toBeLessThan(10_000);
  rmSync(folder, { recursive: true });
});
