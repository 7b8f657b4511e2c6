import { LIMIT_NAMES, type LimitName, type Limits } from '@gozolite/contract/limits';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type AuditRequest, addAuditCommands } from './audit/program.js';
import { addReceiptCommands, type ReceiptRequest } from './audit/receipt-program.js';
import { addBackupCommands, type BackupRequest } from './backup/program.js';
import type { AttackOptions } from './commands/attack.js';
import { HELP } from './commands/help.js';
import type { RunOptions } from './commands/run.js';
import type { Where } from './connect.js';
import { addKeptCommands, type KeptFlags, type KeptRequest } from './kept/program.js';
import { addLanguageCommands, type LanguageCommands } from './language-commands.js';
import { addDataCommands, type DataRequest } from './packs/data-program.js';
import { addPacksCommands, type PacksRequest } from './packs/program.js';
import { parseDuration, parseSize } from './quantities.js';
import { addTenancyCommands, type TenancyFlags, type TenancyRequest } from './tenancy/program.js';
import { addUsageCommand, type UsageFlags } from './tenancy/usage-program.js';
import { addWebhookCommands, type WebhooksRequest } from './webhooks/program.js';

/** What each command does with what was typed; main.ts brings them. */
export interface Commands {
  readonly run: (where: Where, options: RunOptions) => Promise<void>;
  readonly submit: (where: Where, options: RunOptions) => Promise<void>;
  readonly kept: (where: Where, flags: KeptFlags, request: KeptRequest) => Promise<void>;
  readonly webhooks: (where: Where, flags: KeptFlags, request: WebhooksRequest) => Promise<void>;
  readonly languages: (where: Where, options: { json: boolean }) => Promise<void>;
  readonly doctor: (where: Where, options: { json: boolean }) => Promise<void>;
  readonly attack: (where: Where, options: AttackOptions) => Promise<void>;
  readonly prove: () => Promise<void>;
  readonly serve: (env: Readonly<Record<string, string>>) => Promise<void>;
  readonly packs: (request: PacksRequest) => Promise<void>;
  readonly data: (request: DataRequest) => Promise<void>;
  readonly tenancy: (flags: TenancyFlags, request: TenancyRequest) => Promise<void>;
  readonly usage: (where: Where, flags: UsageFlags) => Promise<void>;
  readonly audit: (request: AuditRequest) => Promise<void>;
  readonly backup: (request: BackupRequest) => Promise<void>;
  readonly receipt: (request: ReceiptRequest) => Promise<void>;
  readonly languageFiles: (where: Where) => LanguageCommands;
}

interface Environment {
  readonly url: string | undefined;
  readonly key: string | undefined;
  readonly launcher: string | undefined;
  readonly floor: string | undefined;
  /** The folder of packs. */
  readonly packs: string;
  readonly hostToolchains: boolean;
}

/** @param programArgs what stands behind `--`: the program's, not ours */
export function createProgram(
  version: string,
  { url, key, launcher, floor, packs, hostToolchains }: Environment,
  commands: Commands,
  programArgs: readonly string[],
): Command {
  const program = new Command('gozo')
    .description('Run code that nobody trusts, each time in a fresh sandbox.')
    .version(version)
    .showHelpAfterError('(gozo --help shows what there is)')
    .addHelpText('after', HELP);
  const whereOf = (options: { url?: string; local?: boolean }): Where => ({
    url: options.url ?? (options.local === true ? undefined : url),
    key,
    isLocal: options.local === true,
    launcher,
    isReduced: floor === 'reduced',
    packs,
    hostToolchains,
  });
  const withServer = (command: Command): Command =>
    command
      .option('--url <url>', 'use this server (also GOZO_URL)')
      .addOption(new Option('--local', 'start a private engine for this call').conflicts('url'));
  const runCommand = withServer(program.command('run'))
    .description('run a program and exit as it does')
    .argument('[files...]', 'the first is run; "-" is standard input')
    .usage('[options] <files...> [-- args...]');
  addRunOptions(addTalkOptions(runCommand)).action((files: string[], options: RunFlags) =>
    commands.run(whereOf(options), runOptionsOf(files, options, programArgs)),
  );
  addRunOptions(submitCommandOf(program)).action((files: string[], options: RunFlags) =>
    commands.submit(whereOf(options), runOptionsOf(files, options, programArgs)),
  );
  addKeptCommands(program, (flags, request) => commands.kept(whereOf(flags), flags, request));
  addWebhookCommands(program, (flags, request) =>
    commands.webhooks(whereOf(flags), flags, request),
  );
  const json = ['--json', 'print JSON'] as const;
  withServer(program.command('languages'))
    .description('list the languages that can be run')
    .option(...json)
    .action((options: ServerFlags) =>
      commands.languages(whereOf(options), { json: options.json === true }),
    );
  addDoctorOptions(withServer(program.command('doctor'))).action((options: DoctorFlags) => {
    const { attack, prove } = options;
    if (prove === true) return commands.prove();
    if (attack === true) return commands.attack(whereOf(options), attackOptionsOf(options));
    return commands.doctor(whereOf(options), { json: options.json !== undefined });
  });
  program
    .command('serve')
    .description('start launcher and server, as npm start does')
    .option('--port <port>', 'listen on this port of loopback (also GOZO_PORT)')
    .action((options: { port?: string }) =>
      commands.serve(options.port === undefined ? {} : { GOZO_PORT: options.port }),
    );
  addPacksCommands(program, commands.packs);
  addDataCommands(program, commands.data);
  addTenancyCommands(program, commands.tenancy);
  addUsageCommand(program, (flags) => commands.usage(whereOf(flags), flags));
  addAuditCommands(program, commands.audit);
  addBackupCommands(program, commands.backup);
  addReceiptCommands(program, whereOf, commands.receipt);
  addLanguageCommands(program, commands.languageFiles(whereOf({ local: true })));
  return program;
}

function submitCommandOf(program: Command): Command {
  return program
    .command('submit')
    .option('--url <url>', 'use this server')
    .option('--webhook <id-or-url>', 'who is told of its end (gozo webhooks)')
    .option('--idempotency-key <key>', 'sent again with the same key it runs once (a UUID)')
    .description('have a server run a program without waiting for it; prints its id')
    .argument('[files...]', 'as of gozo run')
    .usage('[options] <files...> [-- args...]');
}

interface ServerFlags {
  readonly url?: string;
  readonly local?: boolean;
  readonly json?: boolean;
}

interface DoctorFlags extends Omit<ServerFlags, 'json'> {
  readonly attack?: boolean;
  readonly prove?: boolean;
  readonly only?: readonly string[];
  readonly socket?: string;
  readonly json?: string | true;
  readonly html?: string;
}

function addDoctorOptions(command: Command): Command {
  return command
    .description('check every protection and toolchain, and say what to do; exits 0 if healthy')
    .option('--json [file]', 'print JSON; with --attack also into a file')
    .option('--attack', 'attack sandboxes on this host; exits 0 if every attack was contained')
    .option('--only <id>', 'with --attack: only this attack (repeat)', collect)
    .option('--socket <path>', 'with --attack: the launcher that runs there, not one of its own')
    .option('--html <file>', 'with --attack: write the report as one HTML file')
    .option('--prove', 'show that each attack succeeds without its protection (needs a clone)');
}

function attackOptionsOf({ only, socket, json, html }: DoctorFlags): AttackOptions {
  return { only: only ?? [], socket, json: json ?? false, html };
}

interface RunFlags extends ServerFlags, Partial<Record<string, unknown>> {
  readonly language?: string;
  readonly code?: string;
  readonly stdin: boolean;
  readonly env?: Record<string, string>;
  readonly label?: Record<string, string>;
  readonly compileArg?: string[];
  readonly compileLimit?: Partial<Limits>;
  readonly artifact?: string[];
  readonly network?: string[];
  readonly data?: string[];
  readonly out?: string;
  readonly requestId?: string;
  readonly webhook?: string;
  readonly idempotencyKey?: string;
  readonly interactive?: boolean;
  readonly tty?: boolean;
  readonly time?: number;
  readonly memory?: number;
}

function addTalkOptions(command: Command): Command {
  return command
    .option('-i, --interactive', 'pass on what is typed while the program runs')
    .option('--tty', 'as --interactive, and give the program a terminal');
}

function addRunOptions(command: Command): Command {
  command
    .option('-l, --language <name>', 'id, id@version or alias; else by the first file name')
    .option('-c, --code <text>', 'the program itself, instead of files')
    .option('-e, --env <NAME=value>', 'set in its environment (repeat)', pair)
    .option('-t, --time <duration>', 'wall and CPU time it may take: 500ms, 5s, 1m', duration)
    .option('-m, --memory <size>', 'memory it may use: 512k, 256m, 1g', size)
    .option('--no-stdin', 'do not pass standard input on')
    .option('--compile-arg <arg>', 'an argument for the compiler (repeat)', collect)
    .option('--compile-limit <limit=value>', 'a limit of the compiler (repeat)', limitPair)
    .option('-a, --artifact <glob>', 'files of /work to bring back (repeat)', collect)
    .option('-o, --out <folder>', 'where to write them')
    .option('--label <name=value>', 'a label for the record (repeat)', pair)
    .option(
      '--network <host:port>',
      'what it may connect to, if the server permits it (repeat)',
      collect,
    )
    .option('--data <name>', 'a data set to find at /data/<name> (repeat)', collect)
    .option('--request-id <id>', 'sent as X-Request-Id')
    .option('--json', 'print the whole record instead of the output');
  for (const name of LIMIT_NAMES) {
    command.option(`--${name.replaceAll('_', '-')} <number>`, `limit ${name}`, whole);
  }
  return command;
}

function runOptionsOf(
  files: readonly string[],
  flags: RunFlags,
  programArgs: readonly string[],
): RunOptions {
  const { time, memory } = flags;
  const limits: Partial<Limits> = {
    ...(time === undefined ? {} : { wall_time_ms: time, cpu_time_ms: time }),
    ...(memory === undefined ? {} : { memory_kb: memory }),
  };
  for (const name of LIMIT_NAMES) {
    const value = flags[camelCase(name)];
    if (typeof value === 'number') limits[name] = value;
  }
  return {
    files,
    limits,
    language: flags.language,
    code: flags.code,
    args: programArgs,
    passesStdin: flags.stdin,
    env: flags.env ?? {},
    labels: flags.label ?? {},
    compileArgs: flags.compileArg ?? [],
    compileLimits: flags.compileLimit ?? {},
    artifacts: flags.artifact ?? [],
    network: flags.network ?? [],
    data: flags.data ?? [],
    out: flags.out,
    requestId: flags.requestId,
    webhook: flags.webhook,
    idempotencyKey: flags.idempotencyKey,
    json: flags.json === true,
    // Without what is typed a terminal is of no use.
    interactive: flags.interactive === true || flags.tty === true,
    tty: flags.tty === true,
  };
}

/** As commander names `--wall-time-ms`. */
function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function pair(text: string, before: Record<string, string> = {}): Record<string, string> {
  const cut = text.indexOf('=');
  if (cut <= 0) throw new InvalidArgumentError('It is written NAME=value.');
  return { ...before, [text.slice(0, cut)]: text.slice(cut + 1) };
}

function limitPair(text: string, before: Partial<Limits> = {}): Partial<Limits> {
  const [given = '', value = ''] = text.split('=', 2);
  const name = LIMIT_NAMES.find((each): each is LimitName => each === given.replaceAll('-', '_'));
  if (name === undefined) {
    throw new InvalidArgumentError(`Limits are ${LIMIT_NAMES.join(', ')}.`);
  }
  return { ...before, [name]: whole(value) };
}

function whole(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new InvalidArgumentError('It is a whole number.');
  return Number(text);
}

function duration(text: string): number {
  const parsed = parseDuration(text);
  if (!parsed.ok) throw new InvalidArgumentError(`${parsed.error}.`);
  return parsed.value;
}

function size(text: string): number {
  const parsed = parseSize(text);
  if (!parsed.ok) throw new InvalidArgumentError(`${parsed.error}.`);
  return parsed.value;
}
