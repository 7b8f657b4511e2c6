import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { orderRotation, publicKeyFile } from '../log/keys.js';
import { openAuditLog } from '../log/log.js';
import { signCheckpoint } from '../note/checkpoint.js';
import { makeSigner, parseSigner } from '../note/key.js';
import { growingTree, leafHash } from '../tree/hash.js';
import { exportLog, readKeys } from './export.js';
import { verifyExport } from './verify.js';

/** A log of 60 entries in six commits, the key rotated in the middle. */
const ENTRIES = 61;
let folder = '';
const MISSING = 'entry 17 is missing: removed, or moved elsewhere';
let whole: readonly string[] = [];
let oldKey = '';
let newKey = '';
let middle = '';
let skey = '';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gozolite-verify-'));
  const onFault = (error: unknown) => assert.fail(String(error));
  await using log = await openAuditLog({
    ...{ dataFolder: folder, nowMs: Date.now, commitMs: 1e6, onFault },
  });
  skey = log.signer().skey;
  oldKey = log.signer().vkey;
  for (let at = 0; at < 60; at += 1) {
    log.append({ kind: 'refused', code: `CODE_${at}` });
    if (at === 29) {
      await log.commit();
      middle = log.checkpoint() ?? '';
      orderRotation(log.folder);
      await log.rotate();
      newKey = log.signer().vkey;
    }
    if (at % 10 === 9) await log.commit();
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function exported(): readonly string[] {
  if (whole.length > 0) return whole;
  whole = [...exportLog(join(folder, 'audit'))].map((line) => line.toString('utf8'));
  return whole;
}

function verify(lines: readonly string[], vkeys: readonly string[] = [], since: string[] = []) {
  return verifyExport(
    lines.map((line) => Buffer.from(line)),
    { vkeys, since },
  );
}

/** Where the entry of that index stands. */
function lineAt(index: number): number {
  return exported().findIndex((line) => line.startsWith(`{"index":${index},`));
}

function isCheckpoint(line: string): boolean {
  return line.startsWith('{"checkpoint"');
}

/** As who has no hashes at hand exports it. */
function withoutLeaves(lines: readonly string[]): readonly string[] {
  return lines.map((line) => (isCheckpoint(line) ? line.replace(/,"leaves":"[^"]*"/, '') : line));
}

test('an untouched log verifies to its end, by each of its keys', async () => {
  for (const vkeys of [[], [oldKey], [newKey]]) {
    const report = await verify(exported(), vkeys);
    assert.deepEqual(report.findings, []);
    assert.deepEqual([report.entries, report.vouched], [ENTRIES, ENTRIES]);
    assert.equal(report.keys[0], newKey);
    assert.equal(report.isKeyGiven, vkeys.length > 0);
  }
  assert.deepEqual(readKeys(publicKeyFile(join(folder, 'audit'))), [newKey, oldKey]);
  assert.deepEqual((await verify(withoutLeaves(exported()), [oldKey])).findings, []);
});

test('a changed entry is named', async () => {
  const lines = exported().map((line) => line.replace('CODE_17"', 'CODE_71"'));
  const { findings, vouched } = await verify(lines);
  assert.deepEqual(findings, [`line ${lineAt(17) + 1}: entry 17 was changed`]);
  assert.equal(vouched, ENTRIES);
  const blunt = await verify(withoutLeaves(lines));
  assert.match(blunt.findings[0] ?? '', /entries \d+ to \d+ are not those that were signed/);
});

test('a removed entry is named, also where the ones behind it are renumbered', async () => {
  const gone = exported().filter((_, at) => at !== lineAt(17));
  const { findings } = await verify(gone);
  assert.ok(findings.includes(`line ${lineAt(17) + 1}: ${MISSING}`));
  assert.ok(findings.includes('entry 17 was removed'));
  const renumbered = gone.map((line) =>
    line.replace(/^\{"index":(\d+),/, (_, index) => {
      return `{"index":${Number(index) > 17 ? Number(index) - 1 : index},`;
    }),
  );
  assert.ok((await verify(renumbered)).findings.length > 0);
  assert.ok((await verify(withoutLeaves(renumbered))).findings.length > 0);
});

test('two entries that changed places are named, and one that was added', async () => {
  const swapped = [...exported()];
  const [one, two] = [lineAt(41), lineAt(44)];
  [swapped[one], swapped[two]] = [swapped[two] ?? '', swapped[one] ?? ''];
  const { findings } = await verify(swapped);
  assert.ok(findings.includes(`line ${two + 1}: entry 41 was moved`), findings.join('\n'));
  assert.ok(findings.includes(`line ${one + 1}: entry 44 was moved`), findings.join('\n'));
  const added = exported().toSpliced(lineAt(20), 0, exported()[lineAt(19)] ?? '');
  assert.match((await verify(added)).findings.join('\n'), /entry 19 stands behind entry 19/);
});

test('a log that was cut verifies as far as it goes, but not since a later note', async () => {
  const short = exported().slice(0, lineAt(31));
  const alone = await verify(short, [oldKey]);
  assert.deepEqual(alone.findings, []);
  assert.ok(alone.vouched === 31 || alone.vouched === 30, String(alone.vouched));
  const last = JSON.parse(exported().findLast(isCheckpoint) ?? '').checkpoint;
  const { findings } = await verify(short, [oldKey, newKey], [last]);
  assert.match(findings.join('\n'), /the log was cut: .* of 61 entries, and it has 31/);
  assert.deepEqual((await verify(exported(), [oldKey], [middle, last])).findings, []);
});

test('a log that was written anew by who has the key is not the one of a checkpoint', async () => {
  const signer = parseSigner(skey);
  const entries = Array.from({ length: 40 }, (_, index) =>
    JSON.stringify({ index, at: '2026-01-01T00:00:00.000Z', kind: 'refused', code: 'FORGED' }),
  );
  const tree = growingTree();
  for (const entry of entries) tree.append(leafHash(Buffer.from(entry)));
  const checkpoint = signCheckpoint({ origin: signer.name, size: 40, root: tree.root() }, [signer]);
  const [head = ''] = exported();
  const forged = [head, ...entries, JSON.stringify({ checkpoint })];
  assert.deepEqual((await verify(forged, [oldKey])).findings, []);
  const { findings } = await verify(forged, [oldKey], [middle]);
  assert.match(findings.join('\n'), /the first 30 entries are not those of the checkpoint/);
});

test('signatures of others count nothing, and forged ones are told', async () => {
  const stranger = makeSigner(oldKey.split('+')[0] ?? '');
  const report = await verify(exported(), [stranger.vkey]);
  assert.deepEqual([report.vouched, report.checkpoints], [0, 0]);
  assert.ok(report.unknown > 0);
  const at = exported().findIndex(isCheckpoint);
  const { checkpoint, leaves } = JSON.parse(exported()[at] ?? '');
  const bent = checkpoint.replace(/\n(\d+)\n/, (_: string, size: string) => `\n${size}1\n`);
  const lines = exported().with(at, JSON.stringify({ checkpoint: bent, leaves }));
  assert.match((await verify(lines)).findings.join('\n'), /forged signature/);
  const given = await verify(exported(), [oldKey], [bent]);
  assert.match(given.findings.join('\n'), /signed by none of the keys/);
});

test('after a rotation the old key alone signs no more', async () => {
  const signer = parseSigner(skey);
  const tree = growingTree();
  const entries = exported().filter((line) => line.startsWith('{"index"'));
  for (const entry of entries) tree.append(leafHash(Buffer.from(entry)));
  const late = signCheckpoint({ origin: signer.name, size: ENTRIES, root: tree.root() }, [signer]);
  const kept = exported().filter((line, at) => !isCheckpoint(line) || at < lineAt(35));
  const lines = [...kept, JSON.stringify({ checkpoint: late })];
  const { vouched, unknown } = await verify(lines, [oldKey]);
  assert.equal(unknown, 1);
  assert.ok(vouched < ENTRIES);
});

test('what is no export is refused', async () => {
  await assert.rejects(verify([]), /nothing to verify/);
  await assert.rejects(verify(['{"index":0}']), /not the head of an audit log/);
  await assert.rejects(verify(exported(), ['nonsense']), /is no key/);
});

test('the log itself, changed in its file, is told by its export', async () => {
  const file = join(folder, 'audit', 'log');
  const before = readFileSync(file, 'utf8');
  writeFileSync(file, before.replace('CODE_50"', 'CODE_05"'));
  const lines = [...exportLog(join(folder, 'audit'))];
  writeFileSync(file, before);
  const { findings } = await verifyExport(lines, { vkeys: [], since: [] });
  assert.equal(findings.length, 1);
  assert.match(findings[0] ?? '', /entry 51 was changed/);
});
