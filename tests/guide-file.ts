import { readFileSync } from 'node:fs';

/** The whole language file of docs/guides/add-a-language.md. */
export function guideFile(): string {
  const guide = new URL('../docs/guides/add-a-language.md', import.meta.url);
  return /```yaml\n(id: [\s\S]*?)```/.exec(readFileSync(guide, 'utf8'))?.[1] ?? '';
}
