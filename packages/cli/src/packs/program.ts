import type { Command } from 'commander';

/** What `gozo packs …` was asked for. */
export type PacksRequest =
  | {
      readonly kind: 'add' | 'update' | 'remove' | 'verify';
      readonly names: readonly string[];
      readonly isAll: boolean;
      readonly sets: readonly string[];
    }
  | { readonly kind: 'list'; readonly json: boolean }
  | { readonly kind: 'export'; readonly file: string; readonly names: readonly string[] }
  | { readonly kind: 'import'; readonly file: string };

interface Choice {
  readonly all?: boolean;
  readonly set?: readonly string[];
}

/** `gozo packs` and its commands. */
export function addPacksCommands(
  program: Command,
  packs: (request: PacksRequest) => Promise<void>,
): void {
  const command = program
    .command('packs')
    .description('install toolchains of their own, each a read-only tree')
    .addHelpText('after', HELP);
  const choosing = (kind: 'add' | 'update' | 'remove' | 'verify', what: string) => {
    const sub = command
      .command(kind)
      .description(what)
      .argument('[names...]', 'language[@version][+variant]')
      .option('--all', kind === 'add' ? 'every pack that there is' : 'every installed pack');
    if (kind === 'add') {
      sub.option('--set <name>', 'the languages of a set: minimal, judge (repeat)', collect);
    }
    sub.action((names: string[], { all, set }: Choice) =>
      packs({ kind, names, isAll: all === true, sets: set ?? [] }),
    );
  };
  choosing('add', 'build and install packs');
  choosing('update', 'build installed packs anew, from what the registries have today');
  choosing('remove', 'remove packs, and what only they needed');
  choosing('verify', 'read every file again and name what is not as it was built');
  command
    .command('list')
    .description('list installed packs and those that could be')
    .option('--json', 'print JSON')
    .action(({ json }: { json?: boolean }) => packs({ kind: 'list', json: json === true }));
  command
    .command('export')
    .description('write packs into one file, for a machine without a network')
    .argument('<file>', 'compressed by zstd if it ends in .zst, else by gzip')
    .argument('<names...>', 'language[@version][+variant]')
    .action((file: string, names: string[]) => packs({ kind: 'export', file, names }));
  command
    .command('import')
    .description('install the packs of such a file, after checking every byte of it')
    .argument('<file>')
    .action((file: string) => packs({ kind: 'import', file }));
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

const HELP = `
Examples:
  gozo packs add kotlin                     build and install it
  gozo packs add python@3.11+data node@24   a variant with libraries, one of two versions
  gozo packs add --set judge                what judges offer
  gozo packs export packs.tar.gz python     into one file
  gozo packs import packs.tar.gz            out of it, elsewhere

Packs lie in GOZO_PACKS, else below GOZO_STATE. A running server sees them at once.`;
