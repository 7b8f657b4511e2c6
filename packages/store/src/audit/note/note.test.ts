import assert from 'node:assert/strict';
import { test } from 'vitest';
import { parseCheckpoint, signCheckpoint } from './checkpoint.js';
import { makeSigner, parseSigner, parseVerifier } from './key.js';
import { parseNote, signedBy, signNote } from './note.js';

/** The example of Go's golang.org/x/mod/sumdb/note, which the specification was made from. */
const SKEY = 'PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz';
const VKEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const TEXT =
  'If you think cryptography is the answer to your problem,\n' +
  "then you don't know what your problem is.\n";
const SIGNATURE =
  'x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=';
const NOTE = `${TEXT}\n— PeterNeumann ${SIGNATURE}\n`;

test("keys and signatures are those of Go's sumdb/note", () => {
  const signer = parseSigner(SKEY);
  assert.deepEqual([signer.vkey, signer.skey], [VKEY, SKEY]);
  assert.equal(signNote(TEXT, [signer]), NOTE);
  const verifier = parseVerifier(VKEY);
  assert.equal(signedBy(parseNote(NOTE), [verifier]), verifier);
  assert.equal(parseNote(NOTE).text, TEXT);
});

test('a changed text, another key and a cut signature are not signed by it', () => {
  const verifier = parseVerifier(VKEY);
  const other = makeSigner('PeterNeumann');
  assert.equal(signedBy(parseNote(NOTE.replace('answer', 'Answer')), [verifier]), undefined);
  assert.equal(signedBy(parseNote(NOTE), [other]), undefined);
  assert.equal(signedBy(parseNote(signNote(TEXT, [other])), [verifier]), undefined);
  assert.equal(
    signedBy(parseNote(signNote(TEXT, [other, parseSigner(SKEY)])), [verifier]),
    verifier,
  );
  const forged = NOTE.replace('JnAM=', 'JnAA=');
  assert.equal(signedBy(parseNote(forged), [verifier]), undefined);
});

test('what is no key and no note is refused', () => {
  for (const vkey of ['', VKEY.replace('c74f', 'c74e'), VKEY.replace('AR', 'AA'), 'a+b+c']) {
    assert.throws(() => parseVerifier(vkey), /is no key/);
  }
  assert.throws(() => parseSigner(VKEY), /no signing key/);
  for (const note of ['', TEXT, `${TEXT}\n`, `${TEXT}\n- PeterNeumann ${SIGNATURE}\n`]) {
    assert.throws(() => parseNote(note), /no signed note/);
  }
});

test('a checkpoint says origin, size and root', () => {
  const signer = makeSigner('example/log');
  const root = Buffer.alloc(32, 7);
  const text = signCheckpoint({ origin: 'example/log', size: 42, root }, [signer]);
  const read = parseCheckpoint(text);
  assert.deepEqual([read.origin, read.size, read.root], ['example/log', 42, root]);
  assert.equal(signedBy(read.note, [signer]), signer);
  for (const size of ['-1', '042', '4e2', '']) {
    const wrong = signNote(`example/log\n${size}\n${root.toString('base64')}\n`, [signer]);
    assert.throws(() => parseCheckpoint(wrong), /no checkpoint/);
  }
});
