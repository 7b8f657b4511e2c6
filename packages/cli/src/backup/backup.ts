import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { unreachable } from '@gozolite/contract/result';
import { type Backup, type BackupSources, makeBackup } from '@gozolite/store/backup/backup';
import { BackupError } from '@gozolite/store/backup/backup-error';
import { type BackupReport, checkBackup } from '@gozolite/store/backup/check';
import type { Owner } from '@gozolite/store/backup/owner';
import { type RestoreTargets, restoreBackup } from '@gozolite/store/backup/restore';
import { storeAddress } from '@gozolite/store/open';
import { isMarkOf } from '@gozolite/tenancy/keys/secret';
import manifest from '../../package.json' with { type: 'json' };
import { packsRoot } from '../packs/packs.js';
import { dataFolder } from '../tenancy/store.js';
import { UsageError } from '../usage-error.js';
import type { BackupRequest } from './program.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** `gozo backup …` and `gozo restore`. @returns the exit code: 1 where a backup is not whole */
export async function backup(env: Environment, request: BackupRequest): Promise<number> {
  process.umask(0o077);
  const folder = resolve(request.folder);
  switch (request.kind) {
    case 'make': {
      const made = await makeBackup(sourcesOf(env), folder, manifest.version);
      say(request.json ? JSON.stringify(made.manifest, null, 2) : described(made, folder));
      return 0;
    }
    case 'verify': {
      const report = await check(folder, request.digest);
      const { digest, findings, manifest: of } = report;
      say(
        request.json ? JSON.stringify({ digest, findings, manifest: of }, null, 2) : told(report),
      );
      return findings.length === 0 ? 0 : 1;
    }
    case 'restore': {
      const report = await check(folder, request.digest);
      if (report.findings.length > 0) {
        throw new BackupError(`this backup is not whole:\n  ${report.findings.join('\n  ')}`);
      }
      const targets = targetsOf(env);
      restoreBackup(folder, report.manifest, targets);
      say(restored(report, targets, env));
      return 0;
    }
    default:
      return unreachable(request);
  }
}

function sourcesOf(env: Environment): BackupSources {
  const data = dataFolder(env);
  const store = storeAddress(env.GOZO_STORE ?? '', data);
  if (store === undefined) throw new UsageError('GOZO_STORE is no URL of a Postgres');
  return {
    ...{ dataFolder: data, store, policiesFolder: env.GOZO_POLICIES ?? '' },
    secretFile: env.GOZO_KEY_SECRET || join(data, 'key-secret'),
    packsFolder: packsRoot(env, process.getuid?.() === 0),
  };
}

function targetsOf(env: Environment): RestoreTargets {
  const data = dataFolder(env);
  return {
    dataFolder: data,
    secretFile: resolve(env.GOZO_KEY_SECRET || join(data, 'key-secret')),
    policiesFolder: resolve(env.GOZO_POLICIES || join(data, 'policies')),
    owner: ownerFor(data),
  };
}

/** The server's user, who owns its folder of data; before the first start, by its name. */
function ownerFor(data: string): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const found = statSync(data, { throwIfNoEntry: false });
  if (found !== undefined) return { uid: found.uid, gid: found.gid };
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((each) => each.startsWith('gozolite:'));
  const [, , uid, gid] = line?.split(':') ?? [];
  if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  throw new BackupError(
    `whose ${data} is to be is not known yet: make the user gozolite, or start GozoLite once ` +
      '(npm start), stop it and empty that folder',
  );
}

async function check(folder: string, digest: string | undefined): Promise<BackupReport> {
  const report = await checkBackup(folder);
  const findings = [...report.findings];
  if (digest !== undefined && digest !== report.digest) {
    findings.unshift(`its manifest has the digest ${report.digest}: it is another backup`);
  }
  const hasSecret = report.manifest.files.some(({ path }) => path === 'key-secret');
  if (findings.length === 0 && report.mark !== undefined) {
    const isTheirs = hasSecret && isMarkOf(join(folder, 'key-secret'), report.mark);
    if (!isTheirs)
      findings.push("key-secret is not the one that the store's keys were hashed with");
  }
  return { ...report, findings };
}

function described({ manifest: made, digest }: Backup, folder: string): string {
  const bytes = made.files.reduce((sum, file) => sum + file.bytes, 0);
  const lines = [
    `${folder}: ${made.files.length} files, ${bytes} bytes`,
    `sha256 of its manifest: ${digest}`,
    'It holds secrets: keep it as you keep those.',
  ];
  if (made.store === 'postgres') lines.push(POSTGRES);
  if (made.packs.length > 0) {
    lines.push(`Packs are not in it: gozo packs install ${made.packs.join(' ')}`);
  }
  return lines.join('\n');
}

const POSTGRES =
  'The store is in Postgres, and not in this backup: take it with ' +
  'pg_dump --format=custom --file=store.dump "$GOZO_STORE"';

function told({ manifest: of, findings }: BackupReport): string {
  const head = `${of.created_at}, of GozoLite ${of.version}: ${of.files.length} files`;
  if (findings.length > 0)
    return [head, ...findings.map((each) => `  NOT WHOLE: ${each}`)].join('\n');
  return of.store === 'postgres' ? `${head}, whole; the store is in Postgres` : `${head}, whole`;
}

function restored(
  { manifest: of }: BackupReport,
  { dataFolder: data, policiesFolder }: RestoreTargets,
  env: Environment,
): string {
  const lines = [`${data} is as it was at ${of.created_at}`];
  const hasPolicies = of.files.some(({ path }) => path.startsWith('policies/'));
  if (hasPolicies && !env.GOZO_POLICIES) {
    lines.push(`Policies are in ${policiesFolder}: start with GOZO_POLICIES=${policiesFolder}`);
  }
  if (of.store === 'postgres') {
    lines.push('The store is in Postgres: pg_restore --dbname="$GOZO_STORE" store.dump');
  }
  if (of.packs.length > 0) lines.push(`Packs: gozo packs install ${of.packs.join(' ')}`);
  return lines.join('\n');
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
