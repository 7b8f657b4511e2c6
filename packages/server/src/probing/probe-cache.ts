import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Probe } from '@gozolite/languages/offers/probe';
import { HOST } from '@gozolite/languages/recipe';

type Printed = NonNullable<Awaited<ReturnType<Probe>>>;

interface Entry {
  /** Path, size and time of change of every file of the host that the command names. */
  readonly files: string;
  readonly printed: Printed;
}

/** Those that were asked for last; a host has a few hundred toolchains, packs come and go. */
const ENTRIES_MAX = 1000;

/**
 * Remembers between starts what version commands printed, as long as the files that they name stay
 * the same: a JVM takes most of a second to say its version, and a start should not.
 */
export interface ProbeCache {
  /** Answers from memory where it can; what `inner` prints is remembered. */
  readonly probe: Probe;
  /** From now on every question about the host's files goes to `inner` once more. */
  distrust(): void;
  /** Writes what is known to the file. @throws where the file can't be written. */
  save(): void;
}

export function openProbeCache(file: string, inner: Probe): ProbeCache {
  const known = readEntries(file);
  let distrusted = new Set<string>();
  return {
    probe: async (argv, env, rootfs) => {
      const isHost = rootfs === HOST.rootfs;
      const key = JSON.stringify(isHost ? [argv, env] : [argv, env, rootfs]);
      // A pack's files are what its digest says.
      const files = isHost ? identityOf(argv) : '';
      const remembered = known.get(key);
      const isGood = remembered?.files === files && !distrusted.has(key);
      const printed = isGood ? remembered.printed : await inner(argv, env, rootfs);
      if (printed === null) return null;
      distrusted.delete(key);
      known.delete(key); // The one that was asked for last stands last.
      known.set(key, { files, printed });
      return printed;
    },
    distrust: () => {
      const ofHost = [...known].flatMap(([key, { files }]) => (files === '' ? [] : [key]));
      distrusted = new Set(ofHost);
    },
    save: () => {
      const draft = `${file}.new`;
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      writeFileSync(draft, JSON.stringify([...known].slice(-ENTRIES_MAX)), { mode: 0o600 });
      renameSync(draft, file);
    },
  };
}

/** Of the host's files among these words: their sizes, times of change and inodes. */
export function identityOf(words: readonly string[]): string {
  const paths = words.filter((word) => word.startsWith('/'));
  return paths
    .map((path) => {
      const stat = statSync(path, { throwIfNoEntry: false });
      return `${path} ${stat?.size} ${stat?.mtimeMs} ${stat?.ino}`;
    })
    .join('\n');
}

/** A file that is absent or not ours is an empty memory: everything is asked again. */
function readEntries(file: string): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const row of readRows(file).slice(-ENTRIES_MAX)) {
    if (!Array.isArray(row)) continue;
    const [key, entry]: readonly unknown[] = row;
    if (typeof key === 'string' && isEntry(entry)) entries.set(key, entry);
  }
  return entries;
}

function readRows(file: string): readonly unknown[] {
  try {
    const rows: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return Array.isArray(rows) ? rows : [];
  } catch {
    return [];
  }
}

function isEntry(value: unknown): value is Entry {
  if (!isRecord(value) || typeof value.files !== 'string' || !isRecord(value.printed)) return false;
  const { exitCode, stdout, stderr } = value.printed;
  return Number.isInteger(exitCode) && typeof stdout === 'string' && typeof stderr === 'string';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
