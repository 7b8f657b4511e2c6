import { type Static, Type } from 'typebox';

/** Bounds of what a request may ask for; the launcher has them too (session/asked.rs). */
export const DATA_BOUNDS = { setsMax: 16, nameBytesMax: 64 } as const;

const NAME = /^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/;

/** Whether a data set may have this name: it is a folder below /data. */
export function isDataName(text: string): boolean {
  return text.length <= DATA_BOUNDS.nameBytesMax && NAME.test(text);
}

/** A data set that a program was given, at /data/<name>. */
export const DataSet = Type.Object({
  name: Type.String(),
  digest: Type.String({ description: "SHA-256 of the set's manifest, in hex." }),
});
export type DataSet = Static<typeof DataSet>;

/** What `/capabilities` says of a set that requests may ask for. */
export const DataSetInfo = Type.Object({
  name: Type.String(),
  digest: Type.String(),
  bytes: Type.Integer(),
  files: Type.Integer(),
});
export type DataSetInfo = Static<typeof DataSetInfo>;

/** `<packs>/data/<name>.json`: its presence is what makes the set exist. */
export interface InstalledDataSet extends DataSetInfo {
  /** RFC 3339, UTC. */
  readonly added_at: string;
}

export function isInstalledDataSet(value: unknown): value is InstalledDataSet {
  if (typeof value !== 'object' || value === null) return false;
  const set: Partial<Record<keyof InstalledDataSet, unknown>> = value;
  const { name, digest, bytes, files, added_at } = set;
  return (
    typeof name === 'string' &&
    isDataName(name) &&
    typeof digest === 'string' &&
    /^[0-9a-f]{64}$/.test(digest) &&
    Number.isSafeInteger(bytes) &&
    Number.isSafeInteger(files) &&
    typeof added_at === 'string'
  );
}
