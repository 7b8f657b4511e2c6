import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LanguageFile } from '../schema.js';

/**
 * Beside shipped language files lies what was read of them when they were built: reading and
 * checking some 180 files of YAML takes a second, which no start should pay again.
 */
export const PARSED_NAME = 'parsed.json';

/** By SHA-256 (hex) of a file's bytes: a file that was changed since is read and checked anew. */
export type ParsedLanguages = Readonly<Record<string, LanguageFile>>;

export function digestOf(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Nothing where there is none, or a damaged one: then each file is read and checked. */
export async function readParsed(folder: string): Promise<ParsedLanguages> {
  try {
    return JSON.parse(await readFile(join(folder, PARSED_NAME), 'utf8'));
  } catch {
    return {};
  }
}
