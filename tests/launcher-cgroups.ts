import { type Dirent, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Every cgroup folder of the launcher on this socket, in every hierarchy. */
export function launcherCgroups(socket: string): readonly string[] {
  const name = instanceName(socket);
  return foldersBelow('/sys/fs/cgroup').filter((path) => path.includes(`/${name}`));
}

/** The launcher names its cgroups after its socket: FNV-1a, 32 bits (crates/sandboxd main.rs). */
function instanceName(socket: string): string {
  const hash = Buffer.from(socket).reduce(
    (sum, byte) => Math.imul(sum ^ byte, 0x01000193) >>> 0,
    0x811c9dc5,
  );
  return `gozolite-${hash.toString(16).padStart(8, '0')}`;
}

function foldersBelow(folder: string): readonly string[] {
  return entriesOf(folder)
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(folder, entry.name))
    .flatMap((path) => [path, ...foldersBelow(path)]);
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return []; // There is none, or it went since its name was read.
  }
}
