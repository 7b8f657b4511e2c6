import { createHmac, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { markOnce } from '@gozolite/store/marks';
import { type Database, StoreError } from '@gozolite/store/sql';

const BYTES = 32;
const MARK = 'key-secret';

/** Hashes keys with a secret that is not in the store: who has the store alone can try no key. */
export type KeyHash = (key: string) => string;

/** @throws StoreError */
export async function openKeySecret(file: string, store: Database): Promise<KeyHash> {
  return hashWith(await openSecret(file, store));
}

/**
 * Reads the secret, or makes one where there is none. A store remembers which one its keys were
 * hashed with, so that another is noticed before every key is refused.
 * @throws StoreError
 */
export async function openSecret(file: string, store: Database): Promise<Buffer> {
  const secret = readSecret(file);
  const mark = markOf(secret);
  if ((await markOnce(store, MARK, mark)) === mark) return secret;
  throw new StoreError(
    `${file} is not the secret that this store's keys were hashed with: ` +
      'bring back the one that belongs to it (GOZO_KEY_SECRET names its file)',
  );
}

/** Whether a store's keys were hashed with the secret of that file. @throws StoreError */
export function isMarkOf(file: string, mark: string): boolean {
  return markOf(readSecret(file)) === mark;
}

function markOf(secret: Buffer): string {
  return hashWith(secret)('which secret is this?');
}

function hashWith(secret: Buffer): KeyHash {
  return (key) => createHmac('sha256', secret).update(key).digest('hex');
}

function readSecret(file: string): Buffer {
  try {
    if (!existsSync(file)) makeSecret(file);
    const secret = Buffer.from(readFileSync(file, 'utf8').trim(), 'hex');
    if (secret.length === BYTES) return secret;
  } catch (error) {
    throw new StoreError(`the secret of the keys can't be read: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  throw new StoreError(`${file} does not hold ${2 * BYTES} hexadecimal digits`);
}

/** Whole or not at all, and never over one that is there: two may start at once. */
function makeSecret(file: string): void {
  const unfinished = `${file}.${randomBytes(4).toString('hex')}`;
  writeFileSync(unfinished, `${randomBytes(BYTES).toString('hex')}\n`, { mode: 0o600 });
  try {
    chmodSync(unfinished, 0o600);
    linkSync(unfinished, file);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    rmSync(unfinished, { force: true });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
