import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/**
 * A root of a pack's tree and empty writable folders, in namespaces that die with it: what a person
 * has who changes into the tree by hand. The files are laid into /work.
 */
const ENTER = `set -eu
root=$1 tree=$2 files=$3 bare=$4; shift 4
mount --make-rprivate /
mount -t tmpfs -o mode=0755 root "$root"
cd "$root"
mkdir usr etc proc dev tmp work
for name in bin sbin lib lib64; do ln -s "usr/$name" "$name"; done
mount --bind "$tree/usr" usr
mount --bind "$tree/etc" etc
mount -t proc proc proc
mount -t tmpfs -o mode=0755 dev dev
for device in null zero full random urandom; do
  : > "dev/$device"; mount --bind "/dev/$device" "dev/$device"
done
ln -s /proc/self/fd dev/fd
mkdir -m 1777 dev/shm
chmod 1777 tmp
cp -a "$files/." work
cp "$bare" bare
chown -R 65534:65534 work
exec chroot --userspec=65534:65534 "$root" "$@"
`;

export interface InPack {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface PackRoot extends Disposable {
  /** Runs a program in the tree, once, from nothing. */
  ask(what: InPack): Promise<{ exitCode: number; stdout: string; stderr: string }>;
  /** Changes a file below /work, for the next program. */
  write(path: string, content: string): void;
  /** Milliseconds from one stage's start to the last one's end, the root being there already. */
  time(stages: readonly (readonly string[])[], env: InPack['env']): Promise<number>;
}

/** @param files by their path below /work */
export function packRoot(tree: string, files: ReadonlyMap<string, string | Buffer>): PackRoot {
  const folder = mkdtempSync(join(tmpdir(), 'gozolite-in-pack-'));
  const bare = join(folder, 'bare');
  const work = join(folder, 'work');
  const root = join(folder, 'root');
  for (const each of [work, root]) mkdirSync(each);
  compile(bare);
  for (const [path, content] of files) {
    mkdirSync(dirname(join(work, path)), { recursive: true });
    writeFileSync(join(work, path), content);
  }
  const ask = ({ argv, env }: InPack) =>
    collect(
      ['--mount', '--pid', '--net', '--uts', '--ipc', '--fork', '--kill-child', 'sh', '-c', ENTER],
      ['enter', root, tree, work, bare, '/usr/bin/env', '-i', '-C', '/work', ...words(env)],
      argv,
    );
  return {
    ask,
    write: (path, content) => writeFileSync(join(work, path), content),
    async time(stages, env) {
      const argv = [
        '/bare',
        ...stages.flatMap((stage, at) => (at === 0 ? stage : ['--then', ...stage])),
      ];
      const { exitCode, stdout, stderr } = await ask({ argv, env });
      if (exitCode !== 0) throw new Error(`${argv.join(' ')} failed: ${stderr.slice(-300)}`);
      return Number(stdout.trim()) / 1e6;
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function compile(program: string): void {
  const { status, error, stderr } = spawnSync(
    'gcc',
    ['-O2', '-static', '-o', program, 'benchmarks/bare.c'],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`gcc: ${error?.message ?? stderr}`);
}

function words(env: InPack['env']): readonly string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}

async function collect(...words: readonly (readonly string[])[]) {
  const child = spawn('unshare', words.flat(), { stdio: ['pipe', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  // One byte is one run of bare; others do not read it.
  child.stdin.on('error', () => {});
  child.stdin.end('.');
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 128));
  });
  return { exitCode, stdout, stderr };
}
