import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { SCHEMA_PATH, schemaHint } from '@gozolite/languages/file/json-schema';
import { scaffold } from '@gozolite/languages/file/scaffold';
import { loadLanguages } from '@gozolite/languages/load';
import { catalogueOf } from '@gozolite/languages/names/catalogue';
import { installation } from '../connect.js';
import { UsageError } from '../usage-error.js';

export interface NewLanguageOptions {
  readonly id: string;
  readonly isCompiled: boolean;
  /** The interpreter or compiler; by default /usr/bin/<id>. */
  readonly tool: string | undefined;
  readonly name: string | undefined;
  readonly extension: string | undefined;
  /** Where the file goes; by default the current folder. */
  readonly folder: string;
}

/** `gozo new-language`: writes a language file to start from. @returns the exit code */
export async function newLanguage(options: NewLanguageOptions): Promise<number> {
  const { id, isCompiled, folder } = options;
  if (!/^[a-z][a-z0-9-]*$/.test(id)) {
    throw new UsageError(`an id is of a-z, 0-9 and -, and begins with a letter: not ${id}`);
  }
  const tool = options.tool ?? `/usr/bin/${id}`;
  if (!tool.startsWith('/usr/')) throw new UsageError(`a tool lies below /usr: not ${tool}`);
  const taken = await ownerOf(id);
  if (taken !== undefined) throw new UsageError(`${id} is a name of ${taken} already`);
  const path = join(folder, `${id}.yaml`);
  const extension = `.${(options.extension ?? id).replace(/^\./, '')}`;
  const name = options.name ?? id[0]?.toUpperCase() + id.slice(1);
  const hint = hintFor(resolve(folder));
  const debian = packageOf(tool);
  const text = scaffold({ id, name, extension, tool, debian, isCompiled, hint });
  try {
    writeFileSync(path, text, { flag: 'wx' });
  } catch (error) {
    throw new UsageError(
      `${path} can't be made: ${error instanceof Error ? error.message : error}`,
    );
  }
  process.stdout.write(`wrote ${path}\n`);
  if (!existsSync(tool)) process.stderr.write(`gozo: ${tool} is not there yet\n`);
  process.stderr.write(`gozo: next: write its programs, then gozo check-language ${path}\n`);
  return 0;
}

async function ownerOf(name: string): Promise<string | undefined> {
  const { names } = catalogueOf(await loadLanguages([join(installation(), 'languages')]));
  return names.get(name);
}

/** The schema's path from the file: relative within the clone, where both move together. */
function hintFor(folder: string): string | undefined {
  const clone = resolve(installation(), '..');
  const schema = join(clone, SCHEMA_PATH);
  if (!existsSync(schema)) {
    const beside = join(installation(), 'language-file.schema.json');
    return existsSync(beside) ? schemaHint(beside) : undefined;
  }
  const isInside = folder === clone || folder.startsWith(`${clone}/`);
  return schemaHint(isInside ? relative(folder, schema) : schema);
}

/** Which Debian package a file belongs to; older ones know /usr/bin/x as /bin/x. */
function packageOf(tool: string): string | undefined {
  for (const path of [tool, tool.replace(/^\/usr\//, '/')]) {
    const asked = spawnSync('dpkg-query', ['--search', path], { encoding: 'utf8' });
    const name = /^([a-z0-9][a-z0-9+.-]*)(?::\S+)?: /.exec(asked.stdout ?? '')?.[1];
    if (asked.status === 0 && name !== undefined) return name;
  }
  return undefined;
}
