import { expect, test } from 'vitest';
import { type LogLevel, loggerOver } from './logger.js';

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
