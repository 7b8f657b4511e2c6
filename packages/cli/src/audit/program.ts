import type { Command } from 'commander';

/** What `gozo audit …` was asked for. */
export type AuditRequest =
  | { readonly kind: 'export'; readonly file: string | undefined; readonly log: string }
  | {
      readonly kind: 'verify';
      readonly file: string | undefined;
      readonly keys: readonly string[];
      readonly since: readonly string[];
      readonly json: boolean;
    }
  | { readonly kind: 'checkpoint'; readonly log: string }
  | { readonly kind: 'rotate-key'; readonly log: string };

interface Flags {
  readonly file?: string;
  readonly key?: readonly string[];
  readonly since?: readonly string[];
  readonly log: string;
  readonly json?: boolean;
}

/** `gozo audit`, with its commands. */
export function addAuditCommands(
  program: Command,
  run: (request: AuditRequest) => Promise<void>,
): void {
  const audit = program
    .command('audit')
    .description('the signed log of what was asked for and done')
    .addHelpText('after', HELP);
  const ofLog = (command: Command): Command =>
    command.option('--log <name>', 'which one, where several servers share a folder', 'audit');
  ofLog(audit.command('export'))
    .description('print a log with its checkpoints, as NDJSON')
    .option('--file <path>', 'write it there instead')
    .action(({ file, log }: Flags) => run({ kind: 'export', file, log }));
  audit
    .command('verify')
    .description('find what was changed, removed, moved or cut, and say where; exits 0 if nothing')
    .option('--file <path>', 'an export ("-" is standard input), not the logs of this machine')
    .option(
      '--key <vkey>',
      'whose signatures count: <name>+<id>+<key>, or a file (repeat)',
      collect,
    )
    .option('--since <file>', 'a checkpoint that was kept elsewhere (repeat)', collect)
    .option('--json', 'print JSON')
    .action(({ file, key = [], since = [], json = false }: Flags) =>
      run({ kind: 'verify', file, keys: key, since, json }),
    );
  ofLog(audit.command('checkpoint'))
    .description('print the last signed checkpoint, to be kept elsewhere')
    .action(({ log }: Flags) => run({ kind: 'checkpoint', log }));
  ofLog(audit.command('rotate-key'))
    .description('make a new key; the server takes it over, signed in by the old one')
    .action(({ log }: Flags) => run({ kind: 'rotate-key', log }));
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

const HELP = `
Examples:
  gozo audit verify                          the logs of this machine
  gozo audit checkpoint > monday.checkpoint  keep it where the server can't write
  gozo audit verify --since monday.checkpoint --key audit-key.pub
  gozo audit export --file log.ndjson        for somebody who verifies it elsewhere`;
