import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, test } from 'vitest';
import { StoreError } from '../sql.js';
import { joinMembers, type Member } from './members.js';

let folder: string;
let shared: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gozolite-members-'));
  shared = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const enter = (name: string, work: () => Promise<void> = async () => undefined) =>
  joinMembers(folder, async () => {
    await work();
    shared.push(name);
  });
const states = (...members: readonly Member[]) =>
  members.map((member) => `${member.number} ${member.isAlone()}`);

test('who is alone does what it has to do before a second one has its place', async () => {
  using first = await enter('first', () => setTimeout(200));
  assert.deepEqual(states(first), ['1 true']);
  using second = await enter('second');
  assert.deepEqual(shared, ['first']);
  using third = await enter('third');
  assert.deepEqual(states(first, second, third), ['1 false', '2 false', '3 false']);
});

test('who is left does not become alone; who comes when all have gone is', async () => {
  const first = await enter('first');
  const second = await enter('second');
  first[Symbol.dispose]();
  const third = await enter('third');
  assert.deepEqual(states(second, third), ['2 false', '1 false']);
  for (const each of [second, third]) each[Symbol.dispose]();
  using last = await enter('last');
  assert.deepEqual(states(last), ['1 true']);
});

test('of many that come at once each has a number of its own, and none is alone', async () => {
  const members = await Promise.all(Array.from({ length: 8 }, (_, at) => enter(String(at))));
  const numbers = members.map(({ number }) => number).sort();
  assert.deepEqual(numbers, [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.equal(members.filter((member) => member.isAlone()).length, 0);
  await assert.rejects(enter('ninth'), /8 servers use/);
  for (const each of members) each[Symbol.dispose]();
});

test('a file that is in the way is told with its folder and what to do', async () => {
  mkdirSync(join(folder, '1'));
  await assert.rejects(enter('first'), (error) => {
    assert.ok(error instanceof StoreError);
    assert.match(error.message, /can't be used \(it and what is in it has to be of the user/);
    return error.message.startsWith(folder);
  });
});

test('a place is free again when its process was killed', async () => {
  const script = `
    const { default: Native } = await import('libsql');
    for (const name of ['1', 'alone']) new Native('${folder}/' + name).exec('BEGIN EXCLUSIVE');
    console.log('held');
    setInterval(() => undefined, 1000);`;
  const other = spawn(process.execPath, ['--input-type=module', '-e', script]);
  await once(other.stdout, 'data');
  other.kill('SIGKILL');
  await once(other, 'close');
  using member = await enter('next');
  assert.deepEqual(states(member), ['1 true']);
});
