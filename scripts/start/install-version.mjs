import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { filesBelow } from '../build/digest.mjs';
import { BUILD } from '../build/paths.mjs';
import { StartError } from './errors.mjs';
import { ensureSystemUser } from './system-user.mjs';

/** The running version and the one before it stay, for a way back. */
const VERSIONS_KEPT = 2;
const PROGRAMS = new Set(['sandboxd', 'gozo.mjs', 'node']);
const OTHERS_MAY_EXECUTE = 0o001;

/**
 * Copies what runs to `<state>/versions/<digest>`, owned by root, so that the server needs no
 * access to the clone, which may lie in a home directory that only its owner can enter. Where an
 * ordinary user starts it, everything is that user's.
 */
export function installVersion(settings) {
  const user = settings.isRoot
    ? ensureSystemUser()
    : { uid: process.getuid(), gid: process.getgid() };
  const versions = join(settings.state, 'versions');
  mkdirSync(versions, { recursive: true, mode: 0o755 });
  if (settings.isRoot) requireReachable(settings.state);
  prepareFolder(join(settings.state, 'data'), { user, mode: 0o700 });
  if (settings.caches !== null) prepareFolder(settings.caches, { user, mode: 0o755 });
  const copiesNode = settings.isRoot && !reachable(process.execPath);
  const files = filesToInstall(copiesNode);
  const folder = join(versions, digestOfFiles(files));
  if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) copyVersion(files, folder);
  const now = new Date();
  utimesSync(folder, now, now); // The pruning below goes by last use.
  prune(versions, folder);
  pointCurrent(versions, folder);
  // A node below a home directory (nvm and the like) is copied along.
  const node = copiesNode ? join(folder, 'node') : process.execPath;
  return { user, folder, node };
}

/** The store's shared object is looked for in node_modules beside the programs. */
const PARTS = [
  ...['server.mjs', 'gozo.mjs', 'sandboxd', 'sandboxd-template.so'],
  ...['languages', 'attacks', 'node_modules'],
];

function filesToInstall(copiesNode) {
  const built = PARTS.flatMap((name) =>
    filesBelow(join(BUILD, name)).map((from) => ({ from, to: relative(BUILD, from) })),
  );
  const node = copiesNode ? [{ from: process.execPath, to: 'node' }] : [];
  return [...built, ...node];
}

function digestOfFiles(files) {
  const hash = createHash('sha256');
  for (const { from, to } of files) hash.update(`${to}\0`).update(readFileSync(from)).update('\0');
  return hash.digest('hex').slice(0, 16);
}

/** Written under another name and renamed: a version is there whole or not at all. */
function copyVersion(files, folder) {
  const unfinished = join(dirname(folder), `.unfinished-${process.pid}`);
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { mode: 0o755 });
  for (const { from, to } of files) {
    const target = join(unfinished, to);
    mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
    copyFileSync(from, target);
    chmodSync(target, PROGRAMS.has(to) ? 0o755 : 0o644);
  }
  for (const entry of readdirSync(unfinished, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) chmodSync(join(entry.parentPath, entry.name), 0o755);
  }
  chmodSync(unfinished, 0o755); // The umask of whoever starts it does not decide.
  renameSync(unfinished, folder);
}

function prune(versions, current) {
  const byUse = readdirSync(versions)
    .filter((name) => name !== 'current')
    .map((name) => join(versions, name))
    .filter((path) => path !== current)
    .sort((left, right) => statSync(right).mtimeMs - statSync(left).mtimeMs);
  const whole = byUse.filter((path) => !path.includes('/.unfinished-'));
  const kept = new Set(whole.slice(0, VERSIONS_KEPT - 1));
  for (const path of byUse) if (!kept.has(path)) rmSync(path, { recursive: true, force: true });
}

/** `<state>/versions/current` is for people and for the CLI. */
function pointCurrent(versions, folder) {
  const link = join(versions, 'current');
  rmSync(`${link}.new`, { force: true });
  symlinkSync(relative(versions, folder), `${link}.new`);
  renameSync(`${link}.new`, link);
}

/** What the server itself writes to. */
function prepareFolder(folder, { user, mode }) {
  mkdirSync(folder, { recursive: true, mode });
  chmodSync(folder, mode);
  chownSync(folder, user.uid, user.gid);
}

function requireReachable(state) {
  const closed = closedFolder(state);
  if (closed === undefined) return;
  throw new StartError(
    `the server's user can't enter ${closed} (its mode lets only its owner in); ` +
      'choose another GOZO_STATE, or chmod o+x that folder',
  );
}

function reachable(path) {
  return closedFolder(path) === undefined;
}

/** The first of a path and its ancestors that others may not enter (or execute), if any. */
function closedFolder(path) {
  if ((statSync(path).mode & OTHERS_MAY_EXECUTE) === 0) return path;
  return path === dirname(path) ? undefined : closedFolder(dirname(path));
}
