/**
 * Whose files have this ending (`.py`): of several languages that do, the one that the ending is a
 * name of (`ts` of TypeScript, before Deno), else the first.
 */
export function ofExtension<
  Language extends {
    readonly id: string;
    readonly aliases: readonly string[];
    readonly extensions: readonly string[];
  },
>(languages: readonly Language[], extension: string): Language | undefined {
  const ending = extension.toLowerCase();
  const name = ending.slice(1);
  const owners = languages.filter(({ extensions }) => extensions.includes(ending));
  return owners.find(({ id, aliases }) => id === name || aliases.includes(name)) ?? owners[0];
}
