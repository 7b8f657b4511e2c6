import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'vitest';
import { levelKeystore } from './keystore.js';

/** A keystore of one certificate, made at this time; its digest is of Java's making. */
function keystore(time: number): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'gozo-keystore-'));
  try {
    const script = `import hashlib, struct, sys
text = lambda word: struct.pack('>H', len(word)) + word.encode()
body = struct.pack('>III', 0xfeedfeed, 2, 1) + struct.pack('>I', 2) + text('debian:one')
body += struct.pack('>Q', ${time}) + text('X.509') + struct.pack('>I', 3) + b'abc'
key = 'changeit'.encode('utf-16-be') + b'Mighty Aphrodite'
sys.stdout.buffer.write(body + hashlib.sha1(key + body).digest())`;
    writeFileSync(join(folder, 'make.py'), script);
    return spawnSync('python3', [join(folder, 'make.py')]).stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('keystores that differ by their times become one', () => {
  const level = new Date('2000-01-01T00:00:00Z');
  const one = levelKeystore(keystore(1_700_000_000_000), level);
  const other = levelKeystore(keystore(1_800_000_000_000), level);
  assert.ok(one);
  assert.deepEqual(one, other);
  assert.deepEqual(one, keystore(level.getTime()));
});

test('what is no such keystore, or has another password, stays as it is', () => {
  const bytes = keystore(1);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
  assert.equal(levelKeystore(bytes, new Date(0)), undefined);
  assert.equal(levelKeystore(readFileSync('/etc/passwd'), new Date(0)), undefined);
  assert.equal(levelKeystore(Buffer.alloc(0), new Date(0)), undefined);
});
