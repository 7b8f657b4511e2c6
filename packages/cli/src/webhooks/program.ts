import {
  DELIVERY_STATES,
  type DeliveryState,
  PAYLOADS,
  type Payload,
} from '@gozolite/contract/webhooks/webhook';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { KeptFlags } from '../kept/program.js';

/** What `gozo webhooks …` was asked for. */
export type WebhooksRequest =
  | {
      readonly kind: 'create';
      readonly url: string;
      readonly payload: Payload | undefined;
      readonly description: string | undefined;
    }
  | { readonly kind: 'list' }
  | { readonly kind: 'rotate'; readonly id: string; readonly graceS: number | undefined }
  | { readonly kind: 'delete' | 'enable' | 'redeliver'; readonly id: string }
  | {
      readonly kind: 'deliveries';
      readonly webhook: string | undefined;
      readonly execution: string | undefined;
      readonly state: DeliveryState | undefined;
      readonly limit: number | undefined;
    };

interface Flags {
  readonly url?: string;
  readonly json?: boolean;
}

type Do = (flags: KeptFlags, request: WebhooksRequest) => Promise<void>;

/** `gozo webhooks`, with its commands. */
export function addWebhookCommands(program: Command, run: Do): void {
  const webhooks = program
    .command('webhooks')
    .description('who is told as submitted programs end')
    .addHelpText('after', HELP);
  const withServer = (command: Command): Command =>
    command
      .option('--url <url>', 'use this server (also GOZO_URL), with a key in GOZO_KEY')
      .option('--json', 'print JSON');
  const one = (kind: 'delete' | 'enable' | 'redeliver', id: string, what: string) =>
    withServer(webhooks.command(kind))
      .description(what)
      .argument(`<${id}>`)
      .action((given: string, flags: Flags) => run(flagsOf(flags), { kind, id: given }));
  withServer(webhooks.command('create'))
    .description('register where to send; prints the secret, once')
    .argument('<receiver>', 'its URL: https, of an address that the world can reach')
    .addOption(new Option('--payload <what>', 'all, or ids alone').choices(PAYLOADS))
    .option('--description <text>', 'for people')
    .action((receiver: string, { payload, description, ...flags }: CreateFlags) =>
      run(flagsOf(flags), { kind: 'create', url: receiver, payload, description }),
    );
  withServer(webhooks.command('list', { isDefault: true }))
    .description('where is sent to, and how it goes')
    .action((flags: Flags) => run(flagsOf(flags), { kind: 'list' }));
  withServer(webhooks.command('rotate'))
    .description('another secret, printed once; the old one signs beside it for a while')
    .argument('<webhook>')
    .option('--grace <duration>', 'for how long: 30s, 5m, 12h or 7d; default a day', seconds)
    .action((id: string, { grace, ...flags }: Flags & { readonly grace?: number }) =>
      run(flagsOf(flags), { kind: 'rotate', id, graceS: grace }),
    );
  one('delete', 'webhook', 'send nothing there any more');
  one('enable', 'webhook', 'use one again that was disabled');
  withServer(webhooks.command('deliveries'))
    .description('what was sent and is to be sent, newest first')
    .option('--webhook <id>', 'only of this one')
    .option('--execution <id>', 'only of this execution')
    .addOption(new Option('--state <state>').choices(DELIVERY_STATES))
    .option('--limit <number>', 'how many, up to 100', limit)
    .action(({ webhook, execution, state, limit: most, ...flags }: ListFlags) =>
      run(flagsOf(flags), { kind: 'deliveries', webhook, execution, state, limit: most }),
    );
  one('redeliver', 'delivery', 'deliver it once more, now');
}

interface CreateFlags extends Flags {
  readonly payload?: Payload;
  readonly description?: string;
}

interface ListFlags extends Flags {
  readonly webhook?: string;
  readonly execution?: string;
  readonly state?: DeliveryState;
  readonly limit?: number;
}

function flagsOf({ url, json }: Flags): KeptFlags {
  return { ...(url && { url }), json: json === true };
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

function seconds(text: string): number {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError('It is written 30s, 5m, 12h or 7d.');
  return Number(count) * (SECONDS[unit] ?? 1);
}

function limit(text: string): number {
  const value = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= 100) return value;
  throw new InvalidArgumentError('It is a number from 1 to 100.');
}

const HELP = `
Examples:
  gozo webhooks create https://example.com/gozolite   prints whsec_..., once
  gozo submit main.py --webhook whk_...                its end is sent there
  gozo webhooks deliveries --state failed              what did not get through, and why
  gozo webhooks redeliver msg_...                      once more, under the same id`;
