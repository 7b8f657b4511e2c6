import { createReadStream, createWriteStream, existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { unreachable } from '@gozolite/contract/result';
import { AuditError } from '@gozolite/store/audit/audit-error';
import { orderRotation } from '@gozolite/store/audit/log/keys';
import { auditFolders, exportLog, readKeys } from '@gozolite/store/audit/verify/export';
import { type VerifyReport, verifyExport } from '@gozolite/store/audit/verify/verify';
import { becomeOwner, dataFolder } from '../tenancy/store.js';
import { UsageError } from '../usage-error.js';
import { linesOf } from './lines.js';
import type { AuditRequest } from './program.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** `gozo audit …`. @returns the exit code: 1 where something is not as it was written */
export async function audit(env: Environment, request: AuditRequest): Promise<number> {
  switch (request.kind) {
    case 'export':
      return exportTo(folderOf(env, request.log), request.file);
    case 'verify':
      return verify(env, request);
    case 'checkpoint':
      return say(checkpointOf(folderOf(env, request.log)));
    case 'rotate-key': {
      const folder = folderOf(env, request.log);
      becomeOwner(folder);
      return say(`${orderRotation(folder).vkey}\n`);
    }
    default:
      return unreachable(request);
  }
}

function say(text: string): number {
  process.stdout.write(text);
  return 0;
}

function folderOf(env: Environment, log: string): string {
  const data = dataFolder(env);
  const folder = auditFolders(data).find((each) => basename(each) === log);
  if (folder !== undefined) return folder;
  throw new UsageError(`there is no audit log "${log}" in ${data}: GOZO_DATA names the folder`);
}

function checkpointOf(folder: string): string {
  const file = join(folder, 'checkpoint');
  if (!existsSync(file)) throw new AuditError(`${folder} has no checkpoint yet`);
  return readFileSync(file, 'utf8');
}

async function exportTo(folder: string, file: string | undefined): Promise<number> {
  const out: Writable =
    file === undefined ? process.stdout : createWriteStream(file, { mode: 0o600 });
  const lines = function* () {
    for (const line of exportLog(folder)) yield Buffer.concat([line, Buffer.from('\n')]);
  };
  await pipeline(Readable.from(lines()), out, { end: file !== undefined });
  return 0;
}

async function verify(
  env: Environment,
  { file, keys, since, json }: Extract<AuditRequest, { kind: 'verify' }>,
): Promise<number> {
  const options = { vkeys: keys.flatMap(keysOf), since: since.map(readText) };
  const sources = file === undefined ? localLogs(env) : [linesOf(streamOf(file))];
  const reports: VerifyReport[] = [];
  for (const lines of sources) reports.push(await verifyExport(lines, options));
  const text = json ? JSON.stringify(reports, null, 2) : reports.map(describe).join('\n\n');
  process.stdout.write(`${text}\n`);
  return reports.every(isClean) ? 0 : 1;
}

function localLogs(env: Environment): readonly Iterable<Buffer>[] {
  const data = dataFolder(env);
  const folders = auditFolders(data);
  if (folders.length === 0) {
    throw new UsageError(`there is no audit log in ${data}: GOZO_DATA names the folder`);
  }
  return folders.map(exportLog);
}

function streamOf(file: string): AsyncIterable<Buffer> {
  if (file === '-') return process.stdin;
  if (!existsSync(file)) throw new UsageError(`there is no ${file}`);
  return createReadStream(file);
}

/** A key as text, or a file with one in each line; or what GET /audit/key answers. */
export function keysOf(key: string): readonly string[] {
  const told = toldIn(existsSync(key) ? readFileSync(key, 'utf8') : key);
  if (told !== undefined) return [told];
  return existsSync(key) ? readKeys(key) : [key];
}

function toldIn(text: string): string | undefined {
  try {
    const { key }: { key?: unknown } = JSON.parse(text);
    return typeof key === 'string' ? key : undefined;
  } catch {
    return undefined;
  }
}

function readText(file: string): string {
  if (!existsSync(file)) throw new UsageError(`there is no ${file}`);
  return readFileSync(file, 'utf8');
}

/** Entries that nobody vouches for are no proof of anything, but a log without a signature is. */
function isClean({ findings, entries, vouched }: VerifyReport): boolean {
  return findings.length === 0 && (vouched > 0 || entries === 0);
}

function describe(report: VerifyReport): string {
  const { log, entries, vouched, checkpoints, unknown, keys, isKeyGiven, findings } = report;
  const lines = [
    `${log}: ${entries} entries, ${checkpoints} checkpoints, ${findings.length} findings`,
    ...findings.map((finding) => `  NOT AS WRITTEN: ${finding}`),
  ];
  if (vouched === 0) lines.push('  nothing is vouched for: no checkpoint is signed by these keys');
  else if (findings.length > 0) lines.push(`  signed, as they were written: ${vouched} entries`);
  else lines.push(`  vouched for: entries 0 to ${vouched - 1}`);
  const unsigned = entries - vouched;
  if (unsigned > 0) lines.push(`  not signed (yet): the last ${unsigned}`);
  if (unknown > 0) lines.push(`  ${unknown} checkpoints are signed by other keys: passed over`);
  lines.push(...keys.map((key) => `  key: ${key}`));
  if (!isKeyGiven) {
    lines.push('  the keys are those that the log itself names: --key names one that you trust');
  }
  lines.push('  what was cut off behind the last checkpoint shows only --since one kept elsewhere');
  return lines.join('\n');
}
