import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Debian's name for its newest small kernel, and what else the machine is made with. */
const KERNEL = 'linux-image-cloud-amd64';
const PACKAGES = [
  'uidmap',
  'qemu-system-x86',
  'busybox-static',
  'cpio',
  'gcc',
  'libc6-dev',
  'python3',
];
const PROGRAMS = [
  '/usr/bin/qemu-system-x86_64',
  '/bin/busybox',
  '/usr/bin/cpio',
  '/usr/bin/gcc',
  '/usr/bin/python3',
  '/usr/bin/newuidmap',
];
const MODULES = ['overlay'];

export interface Kernel {
  readonly image: string;
  /** Modules that sandboxes need, in the order in which they load. */
  readonly modules: readonly string[];
}

/** Installs what is missing (Debian and Ubuntu, as root). */
export function installMachine(): void {
  if (PROGRAMS.every((path) => existsSync(path))) return;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = { env, stdio: 'inherit' } as const;
  execFileSync('apt-get', ['update', '-q'], options);
  execFileSync('apt-get', ['install', '-y', '--no-install-recommends', ...PACKAGES], options);
}

/** Downloads Debian's kernel and unpacks it below the folder; nothing is installed. */
export function getKernel(folder: string): Kernel {
  const unpacked = join(folder, 'kernel');
  if (!existsSync(unpacked)) {
    const fresh = join(folder, 'kernel.new');
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh, { recursive: true });
    const options = { cwd: fresh, stdio: 'inherit' } as const;
    execFileSync(
      'apt-get',
      ['download', '-q', '-o', 'APT::Sandbox::User=root', realName()],
      options,
    );
    const [archive = ''] = readdirSync(fresh);
    execFileSync('dpkg-deb', ['-x', archive, '.'], options);
    rmSync(join(fresh, archive));
    renameSync(fresh, unpacked);
  }
  const [version = ''] = readdirSync(join(unpacked, 'lib/modules'));
  return {
    image: join(unpacked, 'boot', `vmlinuz-${version}`),
    modules: modulePaths(join(unpacked, 'lib/modules', version)),
  };
}

/** The name above stands for a package that carries the version in its own name. */
function realName(): string {
  const named = () => {
    const { stdout } = spawnSync('apt-cache', ['depends', KERNEL], { encoding: 'utf8' });
    return /Depends: (linux-image-\d\S+)/.exec(stdout)?.[1];
  };
  const known = named();
  if (known !== undefined) return known;
  execFileSync('apt-get', ['update', '-q'], { stdio: 'inherit' });
  const found = named();
  if (found === undefined) throw new Error(`apt knows no ${KERNEL}: this test wants Debian`);
  return found;
}

function modulePaths(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const builtIn = readFileSync(join(folder, 'modules.builtin'), 'utf8');
  return MODULES.filter((name) => !builtIn.includes(`/${name}.ko`)).map((name) => {
    const path = files.find((file) => file.endsWith(`/${name}.ko`));
    if (path === undefined) throw new Error(`the kernel package has no module ${name}`);
    return join(folder, path);
  });
}
