import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import type { PackFolders } from '../folders.js';
import { rootEnvironment } from './environment.js';
import { askTool, runTool, type ToolAnswer } from './tool.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** What every step of a build knows. */
export interface BuildContext {
  readonly folders: PackFolders;
  /** The environment of the caller, for mirrors, proxies and certificates. */
  readonly env: Environment;
  readonly signal: AbortSignal;
}

/** Files and folders of the host, each with its place in the root. */
export type Binds = readonly (readonly [from: string, to: string])[];

export interface Inside {
  readonly root: string;
  /** Run in the root; with `outside`, on the host's files but with the root's mounts in place. */
  readonly command: readonly string[];
  readonly outside?: boolean;
  /** Reaches registries. Scripts of packages do not. */
  readonly hasNetwork?: boolean;
  readonly binds?: Binds;
  readonly env?: Readonly<Record<string, string>>;
  readonly onStatus?: (line: string) => void;
}

/**
 * Mounts of a build root, made in a mount namespace that dies with the last process in it. The
 * knobs of the kernel stay read-only: a package's script may ask, not set.
 */
const ENTER = `set -eu
root=$1 binds=$2 mode=$3; shift 3
mount --make-rprivate /
mkdir -p "$root/proc" "$root/dev" "$root/tmp" "$root/run"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -o bind,ro "$root/proc/sys" "$root/proc/sys" 2>/dev/null || true
mount -t tmpfs -o mode=0755,nosuid dev "$root/dev"
for device in null zero full random urandom tty; do
  : > "$root/dev/$device"; mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir -m 1777 "$root/dev/shm"
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
mount -t tmpfs -o mode=1777,nosuid,nodev tmp "$root/tmp"
mount -t tmpfs -o mode=0755,nosuid,nodev run "$root/run"
while [ "$binds" -gt 0 ]; do
  if [ -d "$1" ]; then mkdir -p "$root$2"
  else mkdir -p "$(dirname "$root$2")"; [ -e "$root$2" ] || : > "$root$2"; fi
  mount --bind "$1" "$root$2"; shift 2; binds=$((binds - 1))
done
if [ "$mode" = outside ]; then exec "$@"; else exec chroot "$root" "$@"; fi
`;

/** Powers over the whole machine that no script of a package needs. */
const DROPPED = [
  'sys_module',
  'sys_rawio',
  'sys_boot',
  'sys_time',
  'syslog',
  'sys_nice',
  'wake_alarm',
  'mac_admin',
  'mac_override',
].map((name) => `-${name}`);

/** Runs a program of a build root. */
export function runInside(name: string, context: BuildContext, inside: Inside): Promise<string> {
  return runTool(name, toolOf(context, inside));
}

/** As runInside, where a failure is an answer, too. */
export function askInside(context: BuildContext, inside: Inside): Promise<ToolAnswer> {
  return askTool(toolOf(context, inside));
}

function toolOf(context: BuildContext, inside: Inside) {
  const { root, command, outside = false, hasNetwork = false, binds = [], onStatus } = inside;
  const words = [root, String(binds.length), outside ? 'outside' : 'inside'];
  return {
    command: [
      ...namespaces(hasNetwork),
      ...['setpriv', `--bounding-set=${DROPPED.join(',')}`, '--'],
      ...['sh', '-c', ENTER, 'enter', ...words, ...binds.flat(), ...command],
    ],
    env: { ...rootEnvironment(context.env), ...inside.env },
    signal: context.signal,
    ...(onStatus && { onStatus }),
  };
}

/** An ordinary user becomes root of a user namespace with the ids that /etc/subuid gives. */
function ownUsers(): readonly string[] {
  return process.getuid?.() === 0 ? [] : ['--user', '--map-root-user', '--map-auto'];
}

function namespaces(hasNetwork: boolean): readonly string[] {
  const own = ['--mount', '--pid', '--uts', '--ipc', ...(hasNetwork ? [] : ['--net'])];
  return ['unshare', ...ownUsers(), ...own, '--fork', '--kill-child'];
}

/** Runs a script on the files of the host as whoever owns the files of build roots. */
export function runAsOwner(
  name: string,
  { env, signal }: BuildContext,
  [script, ...args]: readonly [string, ...string[]],
): Promise<string> {
  const own = ownUsers();
  const command = [
    ...(own.length > 0 ? ['unshare', ...own] : []),
    'sh',
    '-ceu',
    script,
    'sh',
    ...args,
  ];
  return runTool(name, { command, env: rootEnvironment(env), signal });
}

/** A folder of a build of its own; a later call takes away what a killed one left. */
export function makeWorkFolder({ folders }: BuildContext): string {
  return mkdtempSync(join(folders.build, WORK));
}

/** How the names of these folders begin. */
export const WORK = 'work-';

export async function removeRoot(context: BuildContext, folder: string): Promise<void> {
  // Also after the call was cancelled.
  const signal = new AbortController().signal;
  await runAsOwner('clearing up', { ...context, signal }, [CLEAR_UP, folder]);
}

/** A call that was killed just now may have left a program that still writes as it is ended. */
const CLEAR_UP = `
for round in 1 2 3 4 5 6 7 8 9; do
  rm -rf -- "$1" 2> /dev/null && exit 0
  sleep 0.2
done
rm -rf -- "$1"`;
