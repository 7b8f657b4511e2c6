import { existsSync, readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';

/** Of those that are kept, one stands for at most so many entries and so long. */
const KEEP_ENTRIES = 256;
const KEEP_MS = 60_000;

/** The last checkpoint, and some of those before, each a line of JSON. */
export interface Checkpoints {
  latest(): string | undefined;
  all(): readonly string[];
  /** @param mustKeep among those that stay: a key's first and last */
  put(size: number, note: string, mustKeep: boolean): Promise<void>;
}

export function openCheckpoints(folder: string, nowMs: () => number): Checkpoints {
  const [file, history] = [join(folder, 'checkpoint'), join(folder, 'checkpoints')];
  let kept = { size: -KEEP_ENTRIES, atMs: 0 };
  return {
    latest: () => (existsSync(file) ? readFileSync(file, 'utf8') : undefined),
    all: () => readHistory(history),
    put: async (size, note, mustKeep) => {
      // Whole or not at all, and on the disk before anybody is shown it.
      await writeDurably(`${file}.new`, 'w', note);
      await rename(`${file}.new`, file);
      const isDue = size - kept.size >= KEEP_ENTRIES || nowMs() - kept.atMs >= KEEP_MS;
      if (!mustKeep && !isDue) return;
      await writeDurably(history, 'a', `${JSON.stringify({ checkpoint: note })}\n`);
      kept = { size, atMs: nowMs() };
    },
  };
}

async function writeDurably(file: string, flags: string, text: string): Promise<void> {
  await using handle = await open(file, flags, 0o600);
  await handle.writeFile(text);
  await handle.sync();
}

/** A torn line is passed over: the last checkpoint has a file of its own. */
export function readHistory(file: string): readonly string[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        const { checkpoint }: { checkpoint?: unknown } = JSON.parse(line);
        return typeof checkpoint === 'string' ? [checkpoint] : [];
      } catch {
        return [];
      }
    });
}
