import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { auditFolders, exportLog } from '../audit/verify/export.js';
import { verifyExport } from '../audit/verify/verify.js';
import { MIGRATIONS } from '../migrations/migrations.js';
import { checkSqlite } from '../sqlite/snapshot.js';
import { BackupError } from './backup-error.js';
import { digestOfText, MANIFEST, type Manifest, measure, parseManifest } from './manifest.js';

export interface BackupReport {
  readonly manifest: Manifest;
  /** Of the manifest. */
  readonly digest: string;
  /** What is not as it was written; empty where all is. */
  readonly findings: readonly string[];
  /** Which secret the store's keys were hashed with; undefined where it does not say. */
  readonly mark: string | undefined;
}

/** Reads all of it: each file, the store, each audit log. @throws BackupError */
export async function checkBackup(folder: string): Promise<BackupReport> {
  const { manifest, digest } = readManifest(folder);
  const findings = [...filesOf(folder, manifest)];
  // What is not the file that was written is not opened either.
  if (findings.length > 0) return { manifest, digest, findings, mark: undefined };
  let mark: string | undefined;
  if (manifest.store === 'sqlite') {
    const store = await checkSqlite(join(folder, 'store.db'));
    mark = store.mark;
    findings.push(...store.faults.map((fault) => `store.db: ${fault}`));
    if (store.version > MIGRATIONS.length) {
      findings.push(`store.db: its schema ${store.version} is of a newer GozoLite`);
    }
  }
  for (const log of auditFolders(folder)) {
    const report = await verifyExport(exportLog(log), { vkeys: [], since: [] });
    findings.push(...report.findings.map((each) => `${relative(folder, log)}: ${each}`));
  }
  return { manifest, digest, findings, mark };
}

/** @throws BackupError */
export function readManifest(folder: string): Pick<BackupReport, 'manifest' | 'digest'> {
  let text: string;
  try {
    text = readFileSync(join(folder, MANIFEST), 'utf8');
  } catch (error) {
    throw new BackupError(`${folder} is no backup: it has no ${MANIFEST}`, { cause: error });
  }
  return { manifest: parseManifest(text), digest: digestOfText(text) };
}

function filesOf(folder: string, { files }: Manifest): readonly string[] {
  const found = new Set(below(folder, '').filter((path) => path !== MANIFEST));
  const findings: string[] = [];
  for (const { path, bytes, sha256 } of files) {
    if (!found.delete(path)) {
      findings.push(`${path} is missing, or no file`);
      continue;
    }
    const is = measure(join(folder, path));
    if (is.bytes !== bytes) findings.push(`${path} has ${is.bytes} bytes, and had ${bytes}`);
    else if (is.sha256 !== sha256) findings.push(`${path} was changed`);
  }
  return [...findings, ...[...found].map((path) => `${path} was not in the backup`)];
}

function below(folder: string, path: string): readonly string[] {
  return readdirSync(join(folder, path)).flatMap((name) => {
    const own = path === '' ? name : `${path}/${name}`;
    const stat = lstatSync(join(folder, own));
    if (stat.isDirectory()) return below(folder, own);
    return stat.isFile() ? [own] : [`${own} (no file)`];
  });
}
