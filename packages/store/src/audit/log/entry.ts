/** What an entry can tell of; docs/reference/service/audit.md says what each means. */
export const EVENT_KINDS = [
  'opened',
  'admitted',
  'refused',
  'started',
  'ended',
  'interrupted',
  'admin',
  'policy',
  'packs',
  'key-rotated',
  'lost',
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** Names, numbers and digests; never a program, its input or its output. */
export interface AuditEvent {
  readonly kind: EventKind;
  readonly tenant?: string;
  readonly request_id?: string;
  readonly key_id?: string;
  /** `exe_` and a UUID. */
  readonly execution_id?: string;
  readonly [member: string]: unknown;
}

/** A line of the log, parsed. */
export interface AuditEntry extends AuditEvent {
  /** From 0: its place in the tree. */
  readonly index: number;
  /** RFC 3339, UTC, milliseconds; never before that of the entry before. */
  readonly at: string;
}

/** A line of the log: JSON, and its end. The bytes without the end are those that are hashed. */
export function lineOf(index: number, at: string, event: AuditEvent): Buffer {
  return Buffer.from(`${JSON.stringify({ index, at, ...event })}\n`);
}

/** @returns undefined where the bytes are no entry */
export function entryOf(line: Uint8Array): AuditEntry | undefined {
  try {
    const entry: Partial<AuditEntry> = JSON.parse(Buffer.from(line).toString('utf8'));
    const isEntry =
      typeof entry === 'object' &&
      entry !== null &&
      Number.isSafeInteger(entry.index) &&
      typeof entry.at === 'string' &&
      EVENT_KINDS.some((kind) => kind === entry.kind);
    return isEntry ? (entry as AuditEntry) : undefined;
  } catch {
    return undefined;
  }
}

/** The UUID of an execution's id; zeros where there is none. */
export function uuidOf(executionId: string | undefined): Buffer {
  const hex = /^exe_([0-9a-f-]{36})$/.exec(executionId ?? '')?.[1]?.replaceAll('-', '') ?? '';
  return hex.length === 32 ? Buffer.from(hex, 'hex') : Buffer.alloc(16);
}
