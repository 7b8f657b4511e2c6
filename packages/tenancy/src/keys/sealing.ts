import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { type Database, StoreError } from '@gozolite/store/sql';
import { openSecret } from './secret.js';

/**
 * Keeps in the store what has to be read again, and not by who has the store alone: AES-256-GCM
 * under a key that is derived from the secret of the keys (docs/adr/0081).
 */
export interface Sealing {
  /** @param place what it is and whose: sealed text opens in its own place and in no other */
  seal(text: string, place: string): string;
  /** @throws StoreError where it was changed, moved, or sealed under another secret */
  open(sealed: string, place: string): string;
  /** For who has this as well, and is not in the store: an API key. */
  with(own: string): Sealing;
}

const VERSION = 'v1.';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** @throws StoreError */
export async function openSealing(file: string, store: Database): Promise<Sealing> {
  return sealingUnder(await openSecret(file, store));
}

export function sealingUnder(secret: Buffer): Sealing {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'gozolite sealing v1', 32));
  return {
    seal: (text, place) => {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place));
      const hidden = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      const all = Buffer.concat([nonce, cipher.getAuthTag(), hidden]);
      return `${VERSION}${all.toString('base64url')}`;
    },
    open: (sealed, place) => {
      const all = Buffer.from(sealed.slice(VERSION.length), 'base64url');
      const tag = all.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, all.subarray(0, NONCE_BYTES), {
          authTagLength: TAG_BYTES,
        });
        decipher.setAAD(Buffer.from(place)).setAuthTag(tag);
        const hidden = decipher.update(all.subarray(NONCE_BYTES + TAG_BYTES));
        return Buffer.concat([hidden, decipher.final()]).toString('utf8');
      } catch (error) {
        throw new StoreError(`what was sealed as ${place} can't be opened`, { cause: error });
      }
    },
    with: (own) => sealingUnder(createHmac('sha256', secret).update(own).digest()),
  };
}
