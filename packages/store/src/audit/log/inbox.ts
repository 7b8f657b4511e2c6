import { randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { AuditEvent } from './entry.js';

const BYTES_MAX = 64 * 1024;
const NOTES_MAX = 1000;

/** What `gozo` does beside the server is laid here; the server that writes the log takes it up. */
function inboxOf(dataFolder: string): string {
  return join(dataFolder, 'audit-inbox');
}

/** Whole or not at all. */
export function leaveEvent(dataFolder: string, event: AuditEvent): void {
  const inbox = inboxOf(dataFolder);
  mkdirSync(inbox, { recursive: true, mode: 0o700 });
  const file = join(inbox, `${Date.now()}-${randomUUID()}.json`);
  writeFileSync(`${file}.new`, JSON.stringify(event), { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
}

/** Hands each over, oldest first, and takes it away once it is in the log. */
export function takeEvents(dataFolder: string, take: (event: AuditEvent) => boolean): void {
  const inbox = inboxOf(dataFolder);
  if (!existsSync(inbox)) return;
  const names = readdirSync(inbox).filter((name) => name.endsWith('.json'));
  for (const name of names.sort().slice(0, NOTES_MAX)) {
    const file = join(inbox, name);
    const event = read(file);
    if (event !== undefined && !take(event)) return;
    rmSync(file, { force: true });
  }
}

/** Only what the command line does comes this way: nothing that a server tells of. */
function read(file: string): AuditEvent | undefined {
  try {
    if (statSync(file).size > BYTES_MAX) return undefined;
    const event: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof event !== 'object' || event === null || !('kind' in event)) return undefined;
    return event.kind === 'admin' ? { ...event, kind: 'admin' } : undefined;
  } catch {
    return undefined;
  }
}
