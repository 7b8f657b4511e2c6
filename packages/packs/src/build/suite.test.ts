import assert from 'node:assert/strict';
import { test } from 'vitest';
import { rewritten } from './suite.js';

const DEBIAN = 'NAME="Debian GNU/Linux"\nVERSION_CODENAME=bookworm\nID=debian\n';
const TARGETS = `http://mirror.example/debian bookworm main
http://mirror.example/debian bookworm main
http://mirror.example/debian bookworm-updates contrib
http://mirror.example/security bookworm-security main
https://others.example/apt bookworm-backports main
https://others.example/apt tool-bookworm main
`;

test('a suite is read where the host reads its own, and nowhere else', () => {
  const signed = 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]';
  assert.deepEqual(rewritten(TARGETS, DEBIAN, 'trixie'), [
    `${signed} http://mirror.example/debian trixie main`,
    `${signed} http://mirror.example/debian trixie-updates contrib`,
    `${signed} http://mirror.example/security trixie-security main`,
  ]);
});

test('a host of another distribution has no suites of Debian', () => {
  const ubuntu = 'ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\n';
  assert.deepEqual(rewritten(TARGETS.replaceAll('bookworm', 'noble'), ubuntu, 'trixie'), []);
  assert.deepEqual(rewritten('', DEBIAN, 'trixie'), []);
});
