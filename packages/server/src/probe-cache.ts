import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Probe } from '@gozolite/languages/registry';

type Printed = NonNullable<Awaited<ReturnType<Probe>>>;

interface Entry {
  /** Path, size and time of change of every file that the command names. */
  readonly files: string;
  readonly printed: Printed;
}

/** A host has a few dozen toolchains; more in the file is not ours. */
const ENTRIES_MAX = 1000;

/**
 * Remembers between starts what version commands printed, as long as the files that they name stay
 * the same: a JVM takes most of a second to say its version, and a start should not.
 */
export interface ProbeCache {
  /** Answers from memory where it can; what `inner` prints is remembered. */
  readonly probe: Probe;
  /** From now on every question goes to `inner` once more. */
  distrust(): void;
  /** Writes what is known to the file. @throws where the file can't be written. */
  save(): void;
}

export function openProbeCache(file: string, inner: Probe): ProbeCache {
  let trusted = readEntries(file);
  const known = new Map(trusted);
  return {
    probe: async (argv, env) => {
      const key = JSON.stringify([argv, env]);
      const files = identityOf(argv);
      const remembered = trusted.get(key);
      if (remembered?.files === files) return remembered.printed;
      const printed = await inner(argv, env);
      if (printed !== null) known.set(key, { files, printed });
      return printed;
    },
    distrust: () => {
      trusted = new Map();
    },
    save: () => {
      const draft = `${file}.new`;
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      writeFileSync(draft, JSON.stringify([...known]), { mode: 0o600 });
      renameSync(draft, file);
    },
  };
}

function identityOf(argv: readonly string[]): string {
  const paths = argv.filter((argument) => argument.startsWith('/'));
  return paths
    .map((path) => {
      const stat = statSync(path, { throwIfNoEntry: false });
      return `${path} ${stat?.size} ${stat?.mtimeMs} ${stat?.ino}`;
    })
    .join('\n');
}

/** A file that is absent or not ours is an empty memory: everything is asked again. */
function readEntries(file: string): ReadonlyMap<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const row of readRows(file).slice(0, ENTRIES_MAX)) {
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
