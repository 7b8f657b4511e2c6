import { join } from 'node:path';
import { PackError, UnknownPackError } from '@gozolite/packs/pack-error';
import { GozoConnectionError, GozoProblem } from '@gozolite/sdk/errors';
import { AuditError } from '@gozolite/store/audit/audit-error';
import { BackupError } from '@gozolite/store/backup/backup-error';
import { StoreError } from '@gozolite/store/sql';
import { type Command, CommanderError } from 'commander';
import manifest from '../package.json' with { type: 'json' };
import { audit } from './audit/audit.js';
import { receipt } from './audit/receipt.js';
import { backup } from './backup/backup.js';
import { attack } from './commands/attack.js';
import { checkLanguage } from './commands/check-language.js';
import { doctor } from './commands/doctor.js';
import { listLanguages } from './commands/languages.js';
import { newLanguage } from './commands/new-language.js';
import { prove } from './commands/prove.js';
import { run } from './commands/run.js';
import { serve } from './commands/serve.js';
import { installation } from './connect.js';
import { EXIT } from './exit-code.js';
import { kept, submit } from './kept/kept.js';
import { LocalEngineError } from './local.js';
import { data } from './packs/data.js';
import { packs, packsRoot } from './packs/packs.js';
import { createProgram } from './program.js';
import { tenancy } from './tenancy/tenancy.js';
import { usage } from './tenancy/usage.js';
import { UsageError } from './usage-error.js';
import { webhooks } from './webhooks/webhooks.js';

async function main(argv: readonly string[]): Promise<number> {
  const cut = argv.indexOf('--');
  const ours = cut === -1 ? argv : argv.slice(0, cut);
  const programArgs = cut === -1 ? [] : argv.slice(cut + 1);
  const { GOZO_URL: url, GOZO_KEY: key, GOZO_LAUNCHER: launcher } = process.env;
  let exitCode = 0;
  const program = createProgram(
    manifest.version,
    {
      url: url === '' ? undefined : url,
      key: key === '' ? undefined : key,
      launcher,
      floor: process.env.GOZO_ISOLATION_FLOOR,
      packs: packsRoot(process.env, process.getuid?.() === 0),
      hostToolchains: process.env.GOZO_HOST_TOOLCHAINS !== 'false',
    },
    {
      run: async (where, options) => {
        exitCode = await run(where, { ...options, term: process.env.TERM }, endOf(options));
      },
      submit: async (where, options) => {
        exitCode = await submit(where, options, interruption());
      },
      kept: async (where, flags, request) => {
        exitCode = await kept(where, flags, request, interruption());
      },
      webhooks: async (where, flags, request) => {
        exitCode = await webhooks(where, flags, request);
      },
      languages: async (where, options) => {
        exitCode = await listLanguages(where, options);
      },
      doctor: async (where, options) => {
        exitCode = await doctor(where, options);
      },
      attack: async (where, options) => {
        exitCode = await attack(where, options, interruption());
      },
      prove: async () => {
        exitCode = await prove();
      },
      serve: async (env) => {
        exitCode = await serve({ ...process.env, ...env });
      },
      packs: async (request) => {
        exitCode = await packs(packsPlace(), request);
      },
      data: async (request) => {
        const root = packsRoot(process.env, process.getuid?.() === 0);
        exitCode = await data({ root, env: process.env, signal: interruption() }, request);
      },
      tenancy: async (flags, request) => {
        exitCode = await tenancy(process.env, flags, request);
      },
      usage: async (where, flags) => {
        exitCode = await usage(where, flags);
      },
      backup: async (request) => {
        exitCode = await backup(process.env, request);
      },
      audit: async (request) => {
        exitCode = await audit(process.env, request);
      },
      receipt: async (request) => {
        exitCode = await receipt(process.env, request);
      },
      languageFiles: (where) => ({
        checkLanguage: async (options) => {
          const all = { ...options, version: manifest.version };
          exitCode = await checkLanguage(where, all, interruption());
        },
        newLanguage: async (options) => {
          exitCode = await newLanguage(options);
        },
      }),
    },
    programArgs,
  );
  endByThrowing(program);
  try {
    await program.parseAsync(ours, { from: 'user' });
    return exitCode;
  } catch (error) {
    return exitCodeOfError(error);
  }
}

function endByThrowing(command: Command): void {
  command.exitOverride();
  for (const below of command.commands) endByThrowing(below);
}

function packsPlace() {
  const own = process.env.GOZO_LANGUAGES?.split(':').filter((folder) => folder !== '');
  return {
    root: packsRoot(process.env, process.getuid?.() === 0),
    languages: [join(installation(), 'languages'), ...(own ?? [])],
    env: process.env,
    signal: interruption(),
  };
}

/** A program that is talked to has its own Ctrl-C. */
const ENDS = ['SIGTERM', 'SIGHUP'] as const;

function endOf({ interactive }: { readonly interactive: boolean }): AbortSignal {
  return interruption(interactive ? ENDS : undefined);
}

class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** The first Ctrl-C or SIGTERM cancels the execution; what we started is then cleared away. */
function interruption(signals: readonly NodeJS.Signals[] = ['SIGINT', ...ENDS]): AbortSignal {
  const controller = new AbortController();
  for (const signal of signals) {
    process.on(signal, () => controller.abort(new Interrupted('cancelled')));
  }
  return controller.signal;
}

function exitCodeOfError(error: unknown): number {
  // Commander has said what it had to say already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage;
  if (error instanceof Interrupted) return say('cancelled', EXIT.cancelled);
  if (error instanceof UsageError || error instanceof UnknownPackError) {
    return say(error.message, EXIT.usage);
  }
  if (UNAVAILABLE.some((kind) => error instanceof kind)) {
    return say(messageOf(error), EXIT.unavailable);
  }
  if (error instanceof GozoProblem) {
    const retry =
      error.retryAfterMs === undefined ? '' : ` (try again in ${error.retryAfterMs} ms)`;
    const isBusy = error.status >= 500;
    return say(`${error.code}: ${error.message}${retry}`, isBusy ? EXIT.unavailable : EXIT.usage);
  }
  if (error instanceof GozoConnectionError || error instanceof LocalEngineError) {
    return say(error.message, EXIT.unavailable);
  }
  return say(
    error instanceof Error ? (error.stack ?? error.message) : String(error),
    EXIT.software,
  );
}

const UNAVAILABLE = [PackError, StoreError, AuditError, BackupError];

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function say(line: string, exitCode: number): number {
  process.stderr.write(`gozo: ${line}\n`);
  return exitCode;
}

process.exit(await main(process.argv.slice(2)));
