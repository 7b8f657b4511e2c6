import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { type AuditLog, openAuditLog } from '../log/log.js';
import { makeSigner } from '../note/key.js';
import { type Envelope, preAuthenticated, seal } from './dsse.js';
import { makeReceipt, verifyReceipt } from './receipt.js';

const ID = 'exe_01890a5d-ac96-774b-bcce-b302099a8057';
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
let folder = '';
let log: AuditLog;
let receipt: Envelope;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gozolite-receipt-'));
  const onFault = (error: unknown) => assert.fail(String(error));
  log = await openAuditLog({ dataFolder: folder, nowMs: Date.now, commitMs: 1e6, onFault });
  for (let at = 0; at < 9; at += 1) log.append({ kind: 'refused', code: `CODE_${at}` });
  const digests = { code: sha256('print(42)'), stdout: sha256('42\n') };
  log.append({ kind: 'ended', execution_id: ID, tenant: 'acme', status: 'ok', digests });
  log.append({ kind: 'refused', code: 'LAST' });
  const proven = await log.prove(ID, ['ended']);
  assert.ok(proven);
  receipt = makeReceipt(proven, log.signer());
});
afterAll(async () => {
  await log[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

function verify(envelope: unknown, contents: Record<string, string> = {}, vkeys?: string[]) {
  const bytes = Object.entries(contents).map(([name, text]) => [name, Buffer.from(text)]);
  return verifyReceipt(JSON.stringify(envelope), {
    vkeys: vkeys ?? [log.signer().vkey],
    contents: Object.fromEntries(bytes),
  });
}

/** The same statement, changed, and signed again by who has the key. */
function resigned(change: (statement: string) => string): Envelope {
  const statement = change(Buffer.from(receipt.payload, 'base64').toString('utf8'));
  return seal(receipt.payloadType, Buffer.from(statement), log.signer());
}

test("what is signed is the specification's encoding of type and bytes", () => {
  const encoded = preAuthenticated('http://example.com/HelloWorld', Buffer.from('hello world'));
  assert.equal(encoded.toString(), 'DSSEv1 29 http://example.com/HelloWorld 11 hello world');
});

test('a receipt verifies, with what it is of', () => {
  const report = verify(receipt, { code: 'print(42)', stdout: '42\n' });
  assert.deepEqual(report.findings, []);
  assert.deepEqual(report.matching, ['code', 'stdout']);
  assert.deepEqual([report.entry.status, report.entry.tenant], ['ok', 'acme']);
  assert.deepEqual([report.size, report.key], [11, log.signer().vkey]);
});

test('other contents, keys, signatures, entries and proofs do not', () => {
  const wrong = verify(receipt, { stdout: '43\n', stderr: '' });
  assert.deepEqual(wrong.findings, [
    ...['stdout is not what the receipt is of', 'it says nothing of stderr'],
  ]);
  const other = makeSigner(log.signer().name);
  const [first, second] = verify(receipt, {}, [other.vkey]).findings;
  assert.match(`${first} ${second}`, /signed by none of the keys.*signed by none of the keys/);
  const flipped = receipt.payload.replace(/^eyJf/, 'eyJg');
  assert.throws(() => verify({ ...receipt, payload: flipped }), /no receipt/);
  const failed = resigned((text) => text.replace('\\"status\\":\\"ok\\"', '\\"status\\":\\"no\\"'));
  assert.match(verify(failed).findings.join(), /not proven to be in the log.*subjects/);
  const moved = resigned((text) => text.replace('"index":9,"proof"', '"index":8,"proof"'));
  assert.match(verify(moved).findings.join(), /not proven.*another place/);
  const subject = resigned((text) => text.replace(/("stdout","digest":\{"sha256":)"../, '$1"00'));
  assert.deepEqual(verify(subject).findings, ['its subjects are not those of its entry']);
  assert.throws(() => verify({}), /no DSSE envelope/);
  assert.throws(() => verify({ ...receipt, payloadType: 'text/plain' }), /no receipt/);
});
