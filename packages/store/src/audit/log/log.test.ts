import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'vitest';
import { parseCheckpoint } from '../note/checkpoint.js';
import { signedBy } from '../note/note.js';
import { growingTree, leafHash } from '../tree/hash.js';
import { rootByProof } from '../tree/stored.js';
import { orderRotation } from './keys.js';
import { type AuditLog, openAuditLog } from './log.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gozolite-audit-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const ID = 'exe_01890a5d-ac96-774b-bcce-b302099a805';
const id = (last: number) => `${ID}${last}`;

function open(faults: unknown[] = []): Promise<AuditLog> {
  const onFault = (error: unknown) => faults.push(error);
  return openAuditLog({ dataFolder: folder, nowMs: Date.now, commitMs: 5, onFault });
}

function lines(log = 'audit'): readonly string[] {
  return readFileSync(join(folder, log, 'log'), 'utf8')
    .split('\n')
    .slice(0, -1);
}

function rootOf(all: readonly string[]): Buffer {
  const tree = growingTree();
  for (const line of all) tree.append(leafHash(Buffer.from(line)));
  return tree.root();
}

test('what is appended is a line at once, and signed with the commit', async () => {
  await using log = await open();
  assert.equal(log.append({ kind: 'opened' }), true);
  assert.equal(log.append({ kind: 'admitted', execution_id: id(1), tenant: 'a' }), true);
  const [first = '', second = ''] = lines();
  assert.match(first, /^\{"index":0,"at":"\d{4}-[^"]+Z","kind":"opened"\}$/);
  assert.equal(JSON.parse(second).index, 1);
  await log.commit();
  const checkpoint = parseCheckpoint(log.checkpoint() ?? '');
  assert.equal(signedBy(checkpoint.note, [log.signer()]), log.signer());
  assert.equal(checkpoint.size, 2);
  assert.deepEqual(checkpoint.root, rootOf(lines()));
  assert.equal(checkpoint.origin, log.signer().name);
});

test('it goes on where it was, and a torn last line is cut off', async () => {
  {
    await using log = await open();
    for (let at = 0; at < 300; at += 1) log.append({ kind: 'refused', code: 'BAD_JSON' });
  }
  appendFileSync(join(folder, 'audit', 'log'), '{"index":300,"at":"2026-');
  await using log = await open();
  assert.equal(log.cutBytes, 24);
  assert.equal(log.size(), 300);
  log.append({ kind: 'opened' });
  await log.commit();
  const checkpoint = parseCheckpoint(log.checkpoint() ?? '');
  assert.deepEqual([checkpoint.size, checkpoint.root], [301, rootOf(lines())]);
});

test('what was written and not signed when it was killed is taken up', async () => {
  const { size } = await killed();
  await using log = await open();
  assert.equal(log.size(), size);
  await log.commit();
  assert.deepEqual(parseCheckpoint(log.checkpoint() ?? '').root, rootOf(lines()));
});

/** As a server that is killed leaves it: signed up to 2, two lines more, rows of none. */
async function killed() {
  {
    await using log = await open();
    log.append({ kind: 'opened' });
    log.append({ kind: 'admitted', execution_id: id(1) });
  }
  const more = [
    {
      index: 2,
      at: '2026-11-22T00:00:00.000Z',
      kind: 'admitted',
      execution_id: id(2),
      tenant: 'a',
    },
    { index: 3, at: '2026-11-22T00:00:00.000Z', kind: 'ended', execution_id: id(1) },
  ];
  const file = join(folder, 'audit', 'log');
  appendFileSync(file, more.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  return { size: 4 };
}

test('executions without an end are known at the next start', async () => {
  await killed();
  await using log = await open();
  const told = { policy: undefined, digests: {} };
  assert.deepEqual(log.open, [{ id: id(2), tenant: 'a', requestId: undefined, ...told }]);
});

test('files beside the log that are lost or broken are made again', async () => {
  {
    await using log = await open();
    for (let at = 0; at < 20; at += 1) log.append({ kind: 'ended', execution_id: id(at % 10) });
  }
  for (const name of ['rows', 'hashes']) {
    writeFileSync(join(folder, 'audit', name), Buffer.alloc(99, 7));
    await using log = await open();
    assert.equal(log.size(), 20);
    assert.equal((await log.prove(id(3), ['ended']))?.index, 13);
  }
});

test('a log that is not what was signed is not gone on with', async () => {
  {
    await using log = await open();
    for (let at = 0; at < 5; at += 1) log.append({ kind: 'refused', code: `C${at}` });
  }
  const file = join(folder, 'audit', 'log');
  const whole = readFileSync(file, 'utf8');
  const rows = ['rows', 'hashes'].map((name) => join(folder, 'audit', name));
  writeFileSync(file, whole.split('\n').slice(0, 4).join('\n').concat('\n'));
  for (const each of rows) rmSync(each);
  await assert.rejects(open(), /has 4 entries, and 5 were signed/);
  writeFileSync(file, whole.replace('C2', 'C3'));
  for (const each of rows) rmSync(each, { force: true });
  await assert.rejects(open(), /is not what was signed/);
});

test('the last end of an execution is proven to be in the tree', async () => {
  await using log = await open();
  for (let at = 0; at < 77; at += 1) {
    log.append({ kind: 'admitted', execution_id: id(at % 10) });
    log.append({ kind: 'ended', execution_id: id(at % 10), round: at });
  }
  const proven = await log.prove(id(4), ['ended']);
  assert.ok(proven);
  assert.equal(JSON.parse(proven.line.toString()).round, 74);
  const { size, root } = parseCheckpoint(proven.checkpoint);
  const { index, proof } = proven;
  assert.deepEqual(rootByProof(leafHash(proven.line), { index, size, proof }), root);
  assert.equal(await log.prove(id(4), ['interrupted']), undefined);
});

test('a second writer of the same folder has a log of its own', async () => {
  await using one = await open();
  await using two = await open();
  one.append({ kind: 'opened' });
  two.append({ kind: 'refused' });
  assert.deepEqual([lines().length, lines('audit-2').length], [1, 1]);
  assert.notEqual(one.signer().name, two.signer().name);
});

test('a new key is signed in by the old one, and signs from then on', async () => {
  {
    await using log = await open();
    log.append({ kind: 'opened' });
    const old = log.signer();
    const next = orderRotation(log.folder);
    await log.rotate();
    assert.equal(log.signer().vkey, next.vkey);
    const both = parseCheckpoint(log.checkpoint() ?? '');
    assert.equal(signedBy(both.note, [old]), old);
    assert.equal(signedBy(both.note, [next])?.vkey, next.vkey);
    log.append({ kind: 'refused' });
    await log.commit();
    const after = parseCheckpoint(log.checkpoint() ?? '');
    assert.equal(signedBy(after.note, [old]), undefined);
    assert.equal(signedBy(after.note, [next])?.vkey, next.vkey);
  }
  await using again = await open();
  assert.equal(again.size(), 3);
});
