import type { Command } from 'commander';

/** What `gozo data …` was asked for. */
export type DataRequest =
  | { readonly kind: 'add'; readonly name: string; readonly source: string }
  | {
      readonly kind: 'remove' | 'verify';
      readonly names: readonly string[];
      readonly isAll: boolean;
    }
  | { readonly kind: 'list'; readonly json: boolean }
  | { readonly kind: 'export'; readonly file: string; readonly names: readonly string[] }
  | { readonly kind: 'import'; readonly file: string };

/** `gozo data` and its commands. */
export function addDataCommands(
  program: Command,
  data: (request: DataRequest) => Promise<void>,
): void {
  const command = program
    .command('data')
    .description('install read-only data sets, which runs find at /data/<name>')
    .addHelpText('after', HELP);
  command
    .command('add')
    .description('copy a folder, a file or what is in an archive; an older one of this name goes')
    .argument('<name>', 'small letters, digits, and . _ - between them')
    .argument('<source>', 'a folder; *.tar, *.tgz, *.tar.gz, .xz, .bz2, .zst; any other file')
    .action((name: string, source: string) => data({ kind: 'add', name, source }));
  const choosing = (kind: 'remove' | 'verify', what: string) =>
    command
      .command(kind)
      .description(what)
      .argument('[names...]')
      .option('--all', 'every installed set')
      .action((names: string[], { all }: { all?: boolean }) =>
        data({ kind, names, isAll: all === true }),
      );
  choosing('remove', 'remove data sets, and what only they needed');
  choosing('verify', 'read every file again and name what is not as it was added');
  command
    .command('list')
    .description('list installed data sets')
    .option('--json', 'print JSON')
    .action(({ json }: { json?: boolean }) => data({ kind: 'list', json: json === true }));
  command
    .command('export')
    .description('write data sets into one file, as gozo packs export does packs')
    .argument('<file>', 'compressed by zstd if it ends in .zst, else by gzip')
    .argument('<names...>')
    .action((file: string, names: string[]) => data({ kind: 'export', file, names }));
  command
    .command('import')
    .description('install all that such a file holds, after checking every byte of it')
    .argument('<file>')
    .action((file: string) => data({ kind: 'import', file }));
}

const HELP = `
Examples:
  gozo data add iris ./iris                 a folder
  gozo data add words words.txt             a file, at /data/words/words.txt
  gozo data add mnist mnist.tar.gz          what is in an archive
  gozo run count.py --data words            a run that finds it

They lie with the packs (GOZO_PACKS). A server gives out those that GOZO_DATA_ALLOW names.`;
