import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CheckOptions } from './commands/check-language.js';
import type { NewLanguageOptions } from './commands/new-language.js';

/** What a person who adds a language types; main.ts brings what the commands do. */
export interface LanguageCommands {
  readonly checkLanguage: (options: Omit<CheckOptions, 'version'>) => Promise<void>;
  readonly newLanguage: (options: NewLanguageOptions) => Promise<void>;
}

export function addLanguageCommands(program: Command, commands: LanguageCommands): void {
  program
    .command('check-language')
    .description('lint language files and run their smoke programs; exits 0 if all is as expected')
    .argument('[files-or-names...]', 'path of a language file, or name of a language that is known')
    .option('--all', 'every language that is known')
    .option('--json [file]', 'print JSON, or write it into a file beside the table')
    .option('--markdown <file>', 'write a page of it all')
    .option('--reuse <file>', 'take over what this JSON says of equal files and packs that passed')
    .addOption(
      new Option('--from <place>', FROM)
        .choices(['packs', 'host'] as const)
        .default(undefined, FILES),
    )
    .option('--only <smoke>', 'only the smoke program of this name (repeat)', collect)
    .option('--jobs <number>', 'programs that run at once; default one for each CPU', jobs)
    .action((named: string[], flags: CheckFlags) =>
      commands.checkLanguage({
        named,
        all: flags.all === true,
        json: flags.json ?? false,
        only: flags.only ?? [],
        jobs: flags.jobs,
        from: flags.from,
        markdown: flags.markdown,
        reuse: flags.reuse,
      }),
    );
  program
    .command('new-language')
    .description('write a language file to start from')
    .argument('<id>', 'of a-z, 0-9 and -')
    .option('--compiled', 'it is compiled before it runs')
    .option('--tool <path>', 'its interpreter or compiler, below /usr; default /usr/bin/<id>')
    .option('--name <name>', 'as people write it')
    .option('--extension <ext>', 'of its source files; default the id')
    .option('-o, --out <folder>', 'where the file goes', '.')
    .action((id: string, flags: NewFlags) =>
      commands.newLanguage({
        id,
        isCompiled: flags.compiled === true,
        tool: flags.tool,
        name: flags.name,
        extension: flags.extension,
        folder: flags.out,
      }),
    );
}

interface CheckFlags {
  readonly all?: boolean;
  readonly json?: string | true;
  readonly only?: readonly string[];
  readonly jobs?: number;
  readonly from?: 'packs' | 'host';
  readonly markdown?: string;
  readonly reuse?: string;
}

const FROM = 'every installed pack and nothing of the host, or the host and no pack';
const FILES = 'as a server chooses; the pack of a named file is built';

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

interface NewFlags {
  readonly compiled?: boolean;
  readonly tool?: string;
  readonly name?: string;
  readonly extension?: string;
  readonly out: string;
}

function jobs(text: string): number {
  if (!/^[1-9]\d?$/.test(text)) throw new InvalidArgumentError('It is a number from 1 to 99.');
  return Number(text);
}
