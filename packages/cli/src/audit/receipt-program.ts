import type { Command } from 'commander';
import type { Where } from '../connect.js';

/** What `gozo receipt …` was asked for. */
export type ReceiptRequest =
  | { readonly kind: 'get'; readonly where: Where; readonly id: string }
  | {
      readonly kind: 'verify';
      readonly file: string;
      readonly keys: readonly string[];
      /** Files by the name of their digest. */
      readonly contents: Readonly<Record<string, string>>;
      readonly json: boolean;
    };

interface Flags extends Partial<Record<string, unknown>> {
  readonly url?: string;
  readonly key?: readonly string[];
  readonly json?: boolean;
}

/** Of what a receipt has digests, and one can have at hand as a file. */
const CONTENTS = ['code', 'stdin', 'stdout', 'stderr'] as const;

/** `gozo receipt`, with its commands. */
export function addReceiptCommands(
  program: Command,
  whereOf: (flags: { url?: string }) => Where,
  run: (request: ReceiptRequest) => Promise<void>,
): void {
  const receipt = program
    .command('receipt')
    .description('what is on record of one execution, signed')
    .addHelpText('after', HELP);
  receipt
    .command('get')
    .description('print the receipt of an execution')
    .argument('<id>', 'exe_…')
    .option('--url <url>', 'of the server (also GOZO_URL); with keys GOZO_KEY')
    .action((id: string, flags: Flags) => run({ kind: 'get', where: whereOf(flags), id }));
  const verify = receipt
    .command('verify')
    .description('check a receipt offline: signature, proof, and what it is of; exits 0 if right')
    .argument('<file>', '"-" is standard input')
    .option('--key <vkey>', 'who may sign: <name>+<id>+<key>, or a file (repeat)', collect);
  for (const name of CONTENTS) {
    verify.option(`--${name} <file>`, `is it of this ${name}?`);
  }
  verify.option('--json', 'print JSON').action((file: string, flags: Flags) =>
    run({
      kind: 'verify',
      file,
      keys: flags.key ?? [],
      contents: Object.fromEntries(
        CONTENTS.flatMap((name) => {
          const path = flags[name];
          return typeof path === 'string' ? [[name, path]] : [];
        }),
      ),
      json: flags.json === true,
    }),
  );
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

const HELP = `
Examples:
  gozo receipt get exe_0197… > receipt.json
  gozo receipt verify receipt.json --key audit-key.pub --code main.py --stdout answer.txt

Without --key the keys of this machine's audit logs count.`;
