import { STATUSES, type Status } from '@gozolite/contract/execution';
import { type Command, InvalidArgumentError, Option } from 'commander';

/** What `gozo executions …` was asked for. */
export type KeptRequest =
  | {
      readonly kind: 'list';
      readonly state: 'queued' | 'running' | 'ended' | undefined;
      readonly status: Status | undefined;
      readonly language: string | undefined;
      readonly limit: number | undefined;
    }
  | { readonly kind: 'show' | 'wait' | 'cancel'; readonly id: string };

export interface KeptFlags {
  readonly url?: string;
  readonly json?: boolean;
}

type Do = (flags: KeptFlags, request: KeptRequest) => Promise<void>;

interface ListFlags extends KeptFlags, Omit<Extract<KeptRequest, { kind: 'list' }>, 'kind'> {}

/** `gozo executions`, with its commands: what `gozo submit` gave a server to do. */
export function addKeptCommands(program: Command, run: Do): void {
  const executions = program
    .command('executions')
    .description('what was submitted: list it, wait for it, cancel it');
  const withServer = (command: Command): Command =>
    command.option('--url <url>', 'use this server (also GOZO_URL)').option('--json', 'print JSON');
  withServer(executions.command('list', { isDefault: true }))
    .description('newest first')
    .addOption(new Option('--state <state>').choices(['queued', 'running', 'ended']))
    .addOption(new Option('--status <status>', 'how it ended').choices(STATUSES))
    .option('-l, --language <id>', 'only of this language')
    .option('--limit <number>', 'how many, up to 100', limit)
    .action(({ url, json, state, status, language, limit: most }: ListFlags) =>
      run(
        { ...(url && { url }), json: json === true },
        {
          ...{ kind: 'list', state, status, language, limit: most },
        },
      ),
    );
  const one = (kind: 'show' | 'wait' | 'cancel', what: string) =>
    withServer(executions.command(kind))
      .description(what)
      .argument('<id>', 'as gozo submit printed it')
      .action((id: string, flags: KeptFlags) => run(flags, { kind, id }));
  one('show', 'how far it is, as JSON');
  one('wait', 'wait for its end, print its output and exit as it did');
  one('cancel', 'end it now');
}

function limit(text: string): number {
  const value = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= 100) return value;
  throw new InvalidArgumentError('It is a number from 1 to 100.');
}
