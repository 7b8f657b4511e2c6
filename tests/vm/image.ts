import { execFileSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Debian packages whose programs the attacks use, taken from this host's /usr. */
const PROGRAM_PACKAGES = [
  'bash',
  'coreutils',
  'grep',
  'sed',
  'findutils',
  'util-linux',
  'bsdutils',
  'dash',
];
const FOLDERS = ['dev', 'etc', 'mnt', 'proc', 'root', 'run', 'sys', 'tmp', 'usr/share', 'var'];
const LOCALE = '/usr/lib/locale/C.utf8';
const PASSWD = 'root:x:0:0:root:/root:/bin/bash\n';
/** Of Python's library, what no case imports. */
const PYTHON_UNUSED = /\/(test|idlelib|lib2to3|turtledemo|ensurepip|tkinter|__pycache__)(\/|$)/;

export interface ImagePlan {
  /** Folder for the image and its staging tree. */
  readonly folder: string;
  readonly modules: readonly string[];
  /** Whole files and folders: from the host's path to the guest's. */
  readonly content: readonly { readonly from: string; readonly to: string }[];
}

/**
 * Puts together a file system: this host's Bash, Python and Node with their libraries, and what the
 * plan names.
 * @returns its folder
 */
export function buildTree({ folder, modules, content }: ImagePlan): string {
  const root = join(folder, 'root');
  rmSync(root, { recursive: true, force: true });
  for (const name of FOLDERS) mkdirSync(join(root, name), { recursive: true });
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) linkTop(root, name);
  writeFileSync(join(root, 'etc/passwd'), PASSWD);
  for (const program of programs()) addProgram(root, program);
  addPython(root);
  for (const addon of addons()) addLibraries(root, addon);
  copy(LOCALE, join(root, LOCALE));
  for (const module of modules) copy(module, join(root, 'vm/modules', basename(module)));
  for (const { from, to } of content) {
    copy(from, join(root, to));
    if (isElf(from)) addLibraries(root, from);
  }
  return root;
}

/**
 * Builds the guest's first file system.
 * @returns path of an initramfs (Documentation/driver-api/early-userspace of the kernel)
 */
export function buildImage(plan: ImagePlan): string {
  const root = buildTree(plan);
  const image = join(plan.folder, 'image.cpio');
  const output = openSync(image, 'w');
  try {
    const list = execFileSync('find', ['.', '-print0'], { cwd: root });
    const options = ['-0', '-o', '-H', 'newc', '--quiet', '-R', '0:0'];
    execFileSync('cpio', options, { cwd: root, input: list, stdio: ['pipe', output, 'inherit'] });
  } finally {
    closeSync(output);
  }
  return image;
}

/** /bin and its like are links into /usr there, as they are here. */
function linkTop(root: string, name: string): void {
  mkdirSync(join(root, 'usr', name), { recursive: true });
  symlinkSync(`usr/${name}`, join(root, name));
}

function programs(): string[] {
  const listed = execFileSync('dpkg', ['-L', ...PROGRAM_PACKAGES], { encoding: 'utf8' });
  const paths = listed.split('\n').filter((path) => /^(\/usr)?\/s?bin\/[^/]+$/.test(path));
  return [...paths, '/usr/bin/python3', '/bin/busybox', process.execPath];
}

/** What the server loads beside Node's own: the embedded store. Its libraries are glibc's. */
function addons(): string[] {
  const folder = join(process.cwd(), 'build/node_modules');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return files.filter((name) => name.endsWith('.node')).map((name) => join(folder, name));
}

/** A program at its own path below /usr (Node always at /usr/bin/node), and its libraries. */
function addProgram(root: string, path: string): void {
  const place = path === process.execPath ? '/usr/bin/node' : usrPath(path);
  const real = realpathSync(path);
  copy(real, join(root, place));
  if (isElf(real)) addLibraries(root, real);
}

function usrPath(path: string): string {
  return path.startsWith('/usr/') ? path : `/usr${path}`;
}

function addLibraries(root: string, program: string): void {
  for (const library of librariesOf(program)) {
    copy(realpathSync(library), join(root, usrPath(library)));
  }
}

/** Absolute paths of what the loader maps beside the program; none for a static one. */
function librariesOf(program: string): string[] {
  try {
    const text = execFileSync('ldd', [program], { encoding: 'utf8', stdio: 'pipe' });
    return [...text.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] ?? '');
  } catch {
    return []; // ldd fails on a static program.
  }
}

function addPython(root: string): void {
  const real = basename(realpathSync('/usr/bin/python3'));
  const library = join('/usr/lib', real);
  const wanted = (path: string) => !PYTHON_UNUSED.test(path);
  cpSync(library, join(root, library), { recursive: true, filter: wanted, verbatimSymlinks: true });
  const native = join(library, 'lib-dynload');
  for (const name of readdirSync(native)) addLibraries(root, join(native, name));
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true, verbatimSymlinks: true });
}

function isElf(path: string): boolean {
  return (
    lstatSync(path).isFile() && readFileSync(path).subarray(0, 4).toString('latin1') === '\x7fELF'
  );
}
