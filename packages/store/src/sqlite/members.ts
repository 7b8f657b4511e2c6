import { appendFileSync, existsSync, mkdirSync, unwatchFile, watch, watchFile } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { StoreError } from '../sql.js';
import { tryLock } from './lock.js';

/** More servers than that on one folder of data are a mistake. */
const MEMBERS_MAX = 8;
/** How long one that was alone may take to write down what it kept to itself. */
const SHARE_MS_MAX = 10_000;
const STEP_MS = 20;
/** Where the kernel has no watch left for us. */
const LOOK_MS = 500;

/** One of the servers that use a folder of data at the same time: mostly the only one. */
export interface Member extends Disposable {
  /** From 1: which of them; who comes after a killed one has its number. */
  readonly number: number;
  /** Nobody else counts what is used in this store, or will before `onShare` has ended. */
  isAlone(): boolean;
}

/**
 * Takes a place among the servers of a folder. Each holds a lock, by which the others see it; the
 * first holds one more, of being alone, until a second asks for it. Who shared once is alone again
 * at its next start.
 * @param folder made where it is not there yet
 * @param onShare what has to be done before another may count too; called once, or never
 * @throws StoreError where there are too many, one that was alone does not share, or a file of
 * somebody else is in the way
 */
export async function joinMembers(folder: string, onShare: () => Promise<void>): Promise<Member> {
  try {
    return await enter(folder, onShare);
  } catch (error) {
    if (error instanceof StoreError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const hint = 'it and what is in it has to be of the user that the server runs as';
    throw new StoreError(`${folder} can't be used (${hint}): ${reason}`, { cause: error });
  }
}

async function enter(folder: string, onShare: () => Promise<void>): Promise<Member> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { number, place } = await takePlace(folder);
  try {
    const asking = join(folder, 'asking');
    appendFileSync(asking, '', { mode: 0o600 });
    let alone = await takeAlone(folder, number);
    const share = async (): Promise<void> => {
      const held = alone;
      if (held === undefined) return;
      alone = undefined;
      watching?.[Symbol.dispose]();
      await onShare();
      held[Symbol.dispose]();
    };
    const watching = alone && watchFor(asking, () => void share());
    return {
      number,
      isAlone: () => alone !== undefined,
      [Symbol.dispose]: () => {
        watching?.[Symbol.dispose]();
        place[Symbol.dispose](); // Before the other: who gets that looks whether anybody is here.
        alone?.[Symbol.dispose]();
      },
    };
  } catch (error) {
    place[Symbol.dispose]();
    throw error;
  }
}

async function takePlace(folder: string) {
  for (let number = 1; number <= MEMBERS_MAX; number += 1) {
    const place = await tryLock(join(folder, String(number)));
    if (place !== undefined) return { number, place };
  }
  throw new StoreError(`${MEMBERS_MAX} servers use ${folder} already`);
}

/** @returns nothing where others are there, who know by then that they are not alone */
async function takeAlone(folder: string, number: number): Promise<Disposable | undefined> {
  const deadlineMs = performance.now() + SHARE_MS_MAX;
  for (let step = 0; ; step += 1) {
    const alone = await tryLock(join(folder, 'alone'));
    if (alone !== undefined) {
      // Nobody is alone now, and nobody can begin to be.
      if (!(await hasOthers(folder, number))) return alone;
      alone[Symbol.dispose]();
      return undefined;
    }
    if (performance.now() > deadlineMs) {
      throw new StoreError(`another server uses ${folder} and does not answer: is it stopped?`);
    }
    if (step % (LOOK_MS / STEP_MS) === 0) appendFileSync(join(folder, 'asking'), '.');
    await setTimeout(STEP_MS);
  }
}

async function hasOthers(folder: string, own: number): Promise<boolean> {
  for (let number = 1; number <= MEMBERS_MAX; number += 1) {
    const file = join(folder, String(number));
    if (number === own || !existsSync(file)) continue;
    const place = await tryLock(file);
    if (place === undefined) return true;
    place[Symbol.dispose]();
  }
  return false;
}

function watchFor(file: string, onChange: () => void): Disposable {
  try {
    const watcher = watch(file, { persistent: false }, onChange);
    watcher.on('error', () => watcher.close());
    return { [Symbol.dispose]: () => watcher.close() };
  } catch {
    watchFile(file, { persistent: false, interval: LOOK_MS }, onChange);
    return { [Symbol.dispose]: () => unwatchFile(file, onChange) };
  }
}
