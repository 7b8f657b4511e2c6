import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { start as startIn } from '@gozolite/attacks/attempt';
import { commandOf, limitsOf, type Program } from '@gozolite/attacks/programs';
import type { SandboxResult } from '@gozolite/sandbox/backend';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHANNELS, type Channel, PRELUDE } from './channels.js';
import { startWorld, type World } from './worlds.js';

/**
 * Differential isolation: each channel is tried twice, between two processes of one sandbox, where
 * it must work, and between two sandboxes side by side, where it must not. So a row can't pass
 * because its probe is broken.
 */
const LAUNCHER =
  process.env.GOZO_TEST_LAUNCHER ?? join(import.meta.dirname, '../../build/sandboxd');
const START_MS_MAX = 60_000;

let world: World;

beforeAll(async () => {
  if (!existsSync(LAUNCHER)) throw new Error(`${LAUNCHER} is missing: npm run build`);
  world = await startWorld({ launcher: LAUNCHER, leaveOut: [], number: 10_003 });
}, START_MS_MAX);
afterAll(() => world?.[Symbol.asyncDispose]());

const HOLD = "os.write(1, b'ready\\n')\ntime.sleep(6)\n";
const tell = (seen: string) => `print('SEEN' if ${seen} else 'UNSEEN', flush=True)\n`;

/** Sender and receiver in one sandbox: a child sends, and its parent looks. */
const together = ({ send, seen }: Channel) => `${PRELUDE}
left, right = os.pipe()
child = os.fork()
if child == 0:
    try:
        ${send}
        os.write(right, b'sent')
        time.sleep(6)
    finally:
        os._exit(0)
os.close(right)
print('sent' if os.read(left, 4) == b'sent' else 'could not send', flush=True)
${tell(seen)}`;

function run(code: string, token: readonly [string, string]) {
  const path = `program-${randomUUID()}`;
  const file = { path, content: Buffer.from(code), executable: false };
  const program: Program = {
    command: ['/usr/bin/python3', '-I'],
    args: [path, ...token],
    files: [file],
  };
  const limits = limitsOf({ language: 'python', limits: { disk_kb: 1024, file_kb: 32_768 } });
  return startIn(world, commandOf(program, { limits }));
}

const textOf = ({ stdout, stderr }: SandboxResult) =>
  Buffer.concat([stdout, stderr]).toString('utf8');

const newToken = (): [string, string] => [
  `token-${randomBytes(8).toString('hex')}`,
  String(randomInt(20_000, 60_000)),
];

describe('between two sandboxes', () => {
  for (const channel of CHANNELS) {
    const { name, send, seen, isOpen } = channel;
    test(`${name}: ${isOpen === true ? 'known to be open' : 'closed'}`, async () => {
      expect(textOf(await run(together(channel), newToken()).ended)).toBe('sent\nSEEN\n');

      const token = newToken();
      const sender = run(`${PRELUDE}\n${send}\n${HOLD}`, token);
      await sender.spoke;
      const receiver = await run(`${PRELUDE}\n${tell(seen)}`, token).ended;
      sender.walkAway();
      expect(textOf(await sender.ended)).toBe('ready\n');
      expect(textOf(receiver)).toBe(isOpen === true ? 'SEEN\n' : 'UNSEEN\n');
    });
  }
});
