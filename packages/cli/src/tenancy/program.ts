import { GRACE_S_MAX } from '@gozolite/contract/tenancy/key';
import { isScope, SCOPES, type Scope } from '@gozolite/contract/tenancy/scope';
import { type Command, InvalidArgumentError } from 'commander';

/** What `gozo tenants …` or `gozo keys …` was asked for. */
export type TenancyRequest =
  | { readonly kind: 'create-tenant'; readonly id: string; readonly name: string | undefined }
  | { readonly kind: 'list-tenants' }
  | { readonly kind: 'rotate-tenant'; readonly id: string; readonly graceS: number }
  | { readonly kind: 'revoke-tenant' | 'erase-tenant'; readonly id: string }
  | {
      readonly kind: 'create-key';
      readonly tenant: string;
      readonly name: string | undefined;
      readonly scopes: readonly Scope[] | undefined;
      readonly lifetimeS: number | undefined;
    }
  | { readonly kind: 'list-keys'; readonly tenant: string | undefined }
  | { readonly kind: 'rotate-key'; readonly id: string; readonly graceS: number }
  | { readonly kind: 'revoke-key'; readonly id: string };

export interface TenancyFlags {
  readonly url: string | undefined;
  readonly json: boolean;
}

type Do = (flags: TenancyFlags, request: TenancyRequest) => Promise<void>;

/** `gozo tenants` and `gozo keys`, with their commands. */
export function addTenancyCommands(program: Command, run: Do): void {
  const tenants = program.command('tenants').description('who may use a server with API keys');
  const keys = program
    .command('keys')
    .description('API keys of tenants')
    .addHelpText('after', HELP);
  const withServer = (command: Command): Command =>
    command
      .option('--url <url>', 'of a running server (also GOZO_URL), with an admin key in GOZO_KEY')
      .option('--json', 'print JSON');
  withServer(tenants.command('create'))
    .description('make a tenant; it has no key yet')
    .argument('<id>', 'a-z, 0-9 and - between them')
    .option('--name <text>', 'for people')
    .action((id: string, flags: Flags) =>
      run(flagsOf(flags), { kind: 'create-tenant', id, name: flags.name }),
    );
  withServer(tenants.command('list'))
    .description('list tenants')
    .action((flags: Flags) => run(flagsOf(flags), { kind: 'list-tenants' }));
  withGrace(withServer(tenants.command('rotate')))
    .description('a new key for each living one of a tenant')
    .argument('<id>')
    .action((id: string, flags: Flags) =>
      run(flagsOf(flags), { kind: 'rotate-tenant', id, graceS: flags.grace ?? 0 }),
    );
  withServer(tenants.command('revoke'))
    .description('let none of its keys in any more; there is no way back')
    .argument('<id>')
    .action((id: string, flags: Flags) => run(flagsOf(flags), { kind: 'revoke-tenant', id }));
  withServer(tenants.command('erase'))
    .description('delete all that is kept of a revoked tenant; there is no way back')
    .argument('<id>')
    .action((id: string, flags: Flags) => run(flagsOf(flags), { kind: 'erase-tenant', id }));
  addKeyCommands(keys, withServer, run);
}

function addKeyCommands(keys: Command, withServer: (command: Command) => Command, run: Do): void {
  withServer(keys.command('create'))
    .description('make a key and print it, once')
    .argument('<tenant>')
    .option('--name <text>', 'for people')
    .option('--scope <scope>', `${SCOPES.join(', ')} (repeat; by default execute, read)`, scope)
    .option('--expires <duration>', 'how long it is let in, as 12h or 90d', seconds)
    .action((tenant: string, { name, scope: scopes, expires, ...flags }: Flags) =>
      run(flagsOf(flags), { kind: 'create-key', tenant, name, scopes, lifetimeS: expires }),
    );
  withServer(keys.command('list'))
    .description('list keys: what they are, not themselves')
    .option('--tenant <id>', 'only of this one')
    .action((flags: Flags) => run(flagsOf(flags), { kind: 'list-keys', tenant: flags.tenant }));
  withGrace(withServer(keys.command('rotate')))
    .description('make a key of the same kind in place of one')
    .argument('<key-id>')
    .action((id: string, flags: Flags) =>
      run(flagsOf(flags), { kind: 'rotate-key', id, graceS: flags.grace ?? 0 }),
    );
  withServer(keys.command('revoke'))
    .description('let it in no more; there is no way back')
    .argument('<key-id>')
    .action((id: string, flags: Flags) => run(flagsOf(flags), { kind: 'revoke-key', id }));
}

interface Flags {
  readonly url?: string;
  readonly json?: boolean;
  readonly name?: string;
  readonly tenant?: string;
  readonly scope?: readonly Scope[];
  readonly expires?: number;
  readonly grace?: number;
}

function flagsOf({ url, json }: Flags): TenancyFlags {
  return { url, json: json === true };
}

function withGrace(command: Command): Command {
  return command.option('--grace <duration>', 'how long the old key goes on, at most 30d', grace);
}

function grace(text: string): number {
  const graceS = seconds(text);
  if (graceS <= GRACE_S_MAX) return graceS;
  throw new InvalidArgumentError('It is 30d at most.');
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

function seconds(text: string): number {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError('It is written 30s, 5m, 12h or 90d.');
  return Number(count) * (SECONDS[unit] ?? 1);
}

function scope(text: string, before: readonly Scope[] = []): readonly Scope[] {
  if (!isScope(text)) throw new InvalidArgumentError(`Scopes are ${SCOPES.join(', ')}.`);
  return [...before, text];
}

const HELP = `
Examples:
  gozo tenants create acme                  a tenant
  gozo keys create acme --expires 90d       a key for it, printed once
  gozo keys create ops --scope admin        one that may administer over HTTP
  gozo keys rotate key_... --grace 1d       a new one; the old one goes on for a day

They work on this machine's store (GOZO_STATE, GOZO_STORE), or with --url on a server's.
A server asks for keys when it is started with GOZO_AUTH=keys.`;
