import { join } from 'node:path';
import type { LanguageFile } from '@gozolite/languages/schema';
import { type BuildContext, runAsOwner } from './root.js';

/** Only plain names: they become lines of dpkg's configuration. */
const NOTES = /\/usr\/share\/doc\/[a-z0-9.+-]+\/[A-Za-z0-9.+-]+/g;

/**
 * Files of documentation that the version command reads, since some tools tell no version but by
 * their package's notes. They stay in the tree.
 */
export function notesOf({ toolchain }: LanguageFile): readonly string[] {
  return toolchain.version.command.flatMap((word) => word.match(NOTES) ?? []);
}

/** Has dpkg unpack them; the last line that fits counts. */
export async function keepNotes(
  context: BuildContext,
  root: string,
  notes: readonly string[],
): Promise<void> {
  if (notes.length === 0) return;
  const config = join(root, 'etc/dpkg/dpkg.cfg.d/gozolite');
  const script = 'config=$1; shift; printf "path-include=%s\\n" "$@" >> "$config"';
  await runAsOwner('configuring dpkg', context, [script, config, ...notes]);
}
