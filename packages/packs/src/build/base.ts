import { createHash } from 'node:crypto';
import { existsSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { type Apt, lendArchives, type Plan } from './apt.js';
import { type BuildContext, makeWorkFolder, removeRoot, runAsOwner, runInside } from './root.js';

/**
 * Debian's smallest system without apt; its layout is merged already. Binaries on PyPI and npm
 * count on the library of C++ (PEP 600 has it on its list).
 */
const ESSENTIAL = ['?and(?essential,?not(?name(^apt$)))', 'usr-is-merged', 'libstdc++6'];

/** What dpkg does not even unpack. The scan leaves out the same and more. */
const EXCLUDED = ['man', 'locale', 'info', 'lintian', 'gtk-doc', 'help'].map(
  (name) => `/usr/share/${name}/*`,
);

const LAY_OUT = `root=$1 archives=$2; shift 2
mkdir -p "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib" "$root/usr/lib64"
for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
for archive in "$@"; do
  dpkg-deb --fsys-tarfile "$archives/$archive" |
    tar -x -C "$root" --keep-directory-symlink --exclude='./usr/share/man/*' \
      --exclude='./usr/share/locale/*' --exclude='./usr/share/info/*'
done
# Packages register manual pages as alternatives, and fail without the folders.
for section in 1 2 3 4 5 6 7 8; do mkdir -p "$root/usr/share/man/man$section"; done
mkdir -p "$root/etc/dpkg/dpkg.cfg.d" "$root/var/lib/dpkg"
: > "$root/var/lib/dpkg/status"
: > "$root/var/lib/dpkg/available"
printf '#!/bin/sh\\nexit 101\\n' > "$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
{
  echo force-unsafe-io
${EXCLUDED.map((path) => `  echo 'path-exclude=${path}'`).join('\n')}
  echo 'path-exclude=/usr/share/doc/*'
  echo 'path-include=/usr/share/doc/*/copyright'
} > "$root/etc/dpkg/dpkg.cfg.d/gozolite"
chmod 755 "$root"
`;

const CONFIGURE = `dpkg --install --force-depends /var/cache/apt/archives/*.deb
rm -rf /var/cache/apt/archives
ldconfig`;

/** The root that every pack begins with, made once for its set of versions. */
export async function ensureBase(
  context: BuildContext,
  { apt, suite }: { readonly apt: Apt; readonly suite: string | null },
  onStep: (words: string) => void,
): Promise<string> {
  const plan = await apt.plan(undefined, ESSENTIAL);
  return ensureRoot(context, { name: ofSuite('base', suite), plan }, async (root) => {
    onStep('downloading the base system');
    await apt.download(undefined, { packages: ESSENTIAL, onDone: () => {} });
    onStep('building the base system');
    await runAsOwner('laying out the base system', context, [
      LAY_OUT,
      root,
      apt.archives,
      ...plan.archives,
    ]);
    lendArchives(apt.archives, root, plan);
    await runInside('the base system', context, { root, command: ['sh', '-ceu', CONFIGURE] });
  });
}

/** What the packs of one suite begin with. */
export interface Grounds {
  readonly apt: Apt;
  /** A root that is copied, never changed. */
  readonly base: string;
  /** Null: the host's own. */
  readonly suite: string | null;
}

function ofSuite(name: string, suite: string | null): string {
  return suite === null ? name : `${suite}-${name}`;
}

/** A root with tools that the host may lack: pip, Maven, Cargo. It never becomes a pack. */
export async function ensureTools(
  context: BuildContext,
  { apt, base, suite }: Grounds,
  name: string,
  packages: readonly string[],
): Promise<string> {
  const plan = await apt.plan(base, packages);
  return ensureRoot(context, { name: ofSuite(`tools-${name}`, suite), plan }, async (root) => {
    await apt.download(base, { packages, onDone: () => {} });
    await copyRoot(context, base, root);
    lendArchives(apt.archives, root, plan);
    await apt.install(root, { packages, onDone: () => {} });
  });
}

/** A root of this name and these archives, made if it is not there; older ones go. */
async function ensureRoot(
  context: BuildContext,
  { name, plan }: { readonly name: string; readonly plan: Plan },
  make: (root: string) => Promise<void>,
): Promise<string> {
  const { build } = context.folders;
  const key = createHash('sha256').update(plan.archives.join('\n')).update(LAY_OUT).digest('hex');
  const ready = `${name}-${key.slice(0, 16)}`;
  if (existsSync(join(build, ready))) return join(build, ready);
  const work = makeWorkFolder(context);
  try {
    const root = join(work, 'root');
    await make(root);
    renameSync(root, join(build, ready));
  } finally {
    await removeRoot(context, work);
  }
  const older = readdirSync(build).filter((each) => each.startsWith(`${name}-`) && each !== ready);
  for (const each of older) await removeRoot(context, join(build, each));
  return join(build, ready);
}

export async function copyRoot(context: BuildContext, from: string, to: string): Promise<void> {
  const script = 'mkdir -p "$2"; cp -a --reflink=auto "$1/." "$2/"';
  await runAsOwner('copying the base system', context, [script, from, to]);
}
