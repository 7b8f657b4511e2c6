import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

/**
 * SHA-256 (hex) over names and contents of the files below `paths`, in a fixed order.
 * Tests are left out: they change no program.
 */
export function digestOf(root, paths) {
  const hash = createHash('sha256');
  for (const path of paths.flatMap((each) => filesBelow(join(root, each))).sort()) {
    hash
      .update(`${relative(root, path)}\0`)
      .update(readFileSync(path))
      .update('\0');
  }
  return hash.digest('hex');
}

/** All regular files below a path (or the path itself), none where it does not exist. */
export function filesBelow(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return [];
  if (stat.isFile()) return [path];
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'node_modules' || entry.name === 'target') return [];
    if (entry.isDirectory()) return filesBelow(join(path, entry.name));
    return entry.isFile() && !entry.name.endsWith('.test.ts') ? [join(path, entry.name)] : [];
  });
}
