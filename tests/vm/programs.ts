import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Attack } from '@gozolite/attacks/corpus';

/** File name of a compiled C source, the same on the host and in the guest. */
function nameOf(code: string): string {
  return createHash('sha256').update(code).digest('hex').slice(0, 16);
}

/** Compiles the C sources that the folder does not have yet: the guest has no gcc. */
export function compileAll(codes: readonly string[], attacks: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const header = readFileSync(join(attacks, 'lab.h'), 'utf8');
  for (const code of codes) {
    const output = join(folder, nameOf(code));
    const source = `${output}.c`;
    if (existsSync(output) && readFileSync(source, 'utf8') === code + header) continue;
    const flags = ['-O1', '-w', '-pthread', '-I', attacks, '-o', output];
    execFileSync('gcc', [...flags, '-x', 'c', '-'], {
      input: code,
      stdio: ['pipe', 'inherit', 'inherit'],
    });
    writeFileSync(source, code + header);
  }
}

/** What `compileAll` made of this source. */
export async function compiled(folder: string, code: string): Promise<Uint8Array> {
  return readFileSync(join(folder, nameOf(code)));
}

/** Every C source of the corpus. */
export function sourcesOf(corpus: readonly Attack[]): string[] {
  return corpus
    .filter(({ language }) => language === 'c')
    .flatMap(({ code, before, beside, twin }) => [code, before, beside, twin.code])
    .filter((source) => source !== undefined);
}
