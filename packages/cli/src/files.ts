import { readFileSync, statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, normalize } from 'node:path';
import type { Artifact } from '@gozolite/contract/execution';
import type { ProgramFile } from './request.js';
import { UsageError } from './usage-error.js';

/**
 * Reads what the program needs. A path below the current folder keeps it (`lib/a.py`), any other
 * becomes its last name: the sandbox has no other place for it.
 */
export function readProgramFiles(paths: readonly string[]): readonly ProgramFile[] {
  return paths.map((given) => {
    const stat = statSync(given, { throwIfNoEntry: false });
    if (stat === undefined) throw new UsageError(`there is no file ${given}`);
    if (!stat.isFile()) throw new UsageError(`${given} is not a file`);
    const isExecutable = (stat.mode & 0o111) !== 0;
    return { path: sandboxPath(given), content: readFileSync(given), executable: isExecutable };
  });
}

export function sandboxPath(given: string): string {
  const path = normalize(given);
  return isAbsolute(path) || path.startsWith('..') ? basename(path) : path;
}

/** Writes the files that the program made. No server is trusted with paths outside `folder`. */
export async function writeArtifacts(
  folder: string,
  artifacts: readonly Artifact[],
): Promise<readonly string[]> {
  const written: string[] = [];
  for (const { path, content, encoding } of artifacts) {
    const isOutside = isAbsolute(path) || path.split('/').includes('..') || path.includes('\0');
    if (isOutside) throw new Error(`the artifact ${JSON.stringify(path)} lies outside`);
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, Buffer.from(content, encoding));
    written.push(target);
  }
  return written;
}
