import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeSigner, parseSigner, type Signer } from '../note/key.js';

/** Signs checkpoints and receipts; who has it can write another log. */
const KEY = 'key';
/** What others check them with. */
const PUBLIC = 'key.pub';
/** Made by `gozo audit rotate-key`, taken over by the server. */
const NEXT = 'key.next';

/** The log's key, made where there is none. @throws AuditError */
export function openKey(folder: string): Signer {
  const file = join(folder, KEY);
  if (!existsSync(file)) {
    // The key's name is the log's: a note that others sign too says of which log it is.
    writeKey(folder, makeSigner(`gozolite-audit/${randomBytes(6).toString('hex')}`));
  }
  const signer = parseSigner(readFileSync(file, 'utf8').trim());
  writePublic(folder, signer);
  return signer;
}

/** Of the same name. The server takes it over within seconds, or at its next start. */
export function orderRotation(folder: string): Signer {
  const next = makeSigner(parseSigner(readFileSync(join(folder, KEY), 'utf8').trim()).name);
  replace(join(folder, NEXT), `${next.skey}\n`, 0o600);
  return next;
}

/** The key that is to take over, if one was ordered. @throws AuditError */
export function orderedKey(folder: string): Signer | undefined {
  const file = join(folder, NEXT);
  return existsSync(file) ? parseSigner(readFileSync(file, 'utf8').trim()) : undefined;
}

/** The new key is the key from now on. */
export function finishRotation(folder: string, next: Signer): void {
  writeKey(folder, next);
  writePublic(folder, next);
  rmSync(join(folder, NEXT), { force: true });
}

export function publicKeyFile(folder: string): string {
  return join(folder, PUBLIC);
}

function writeKey(folder: string, { skey }: Signer): void {
  replace(join(folder, KEY), `${skey}\n`, 0o600);
}

/** The newest first: what an older one signed stays to be checked. */
function writePublic(folder: string, { vkey }: Signer): void {
  const file = publicKeyFile(folder);
  const before = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  const keys = new Set([vkey, ...before.filter((line) => line !== '')]);
  replace(file, `${[...keys].join('\n')}\n`, 0o644);
}

function replace(file: string, text: string, mode: number): void {
  writeFileSync(`${file}.new`, text, { mode, flush: true });
  renameSync(`${file}.new`, file);
}
