import type { Command } from 'commander';

/** What `gozo backup …` or `gozo restore` was asked for. */
export type BackupRequest =
  | { readonly kind: 'make'; readonly folder: string; readonly json: boolean }
  | {
      readonly kind: 'verify';
      readonly folder: string;
      readonly digest: string | undefined;
      readonly json: boolean;
    }
  | { readonly kind: 'restore'; readonly folder: string; readonly digest: string | undefined };

interface Flags {
  readonly digest?: string;
  readonly json?: boolean;
}

type Do = (request: BackupRequest) => Promise<void>;

/** `gozo backup` and `gozo restore`. */
export function addBackupCommands(program: Command, run: Do): void {
  const backup = program
    .command('backup')
    .description('copy what a server can not do without, while it runs')
    .argument('<folder>', 'is made; nothing is overwritten')
    .option('--json', 'print the manifest')
    .addHelpText('after', HELP)
    .action((folder: string, { json }: Flags) =>
      run({ kind: 'make', folder, json: json === true }),
    );
  backup
    .command('verify')
    .description('look through a backup: files, store and audit logs; exits 1 if it is not whole')
    .argument('<folder>')
    .option('--digest <sha256>', 'of its manifest, as gozo backup printed it')
    // `--json` before `verify` is the other command's.
    .action((folder: string, { digest }: Flags, command: Command) =>
      run({ kind: 'verify', folder, digest, json: command.optsWithGlobals().json === true }),
    );
  program
    .command('restore')
    .description('bring a backup back into the empty folders of a server that does not run')
    .argument('<folder>')
    .option('--digest <sha256>', 'of its manifest, as gozo backup printed it')
    .action((folder: string, { digest }: Flags) => run({ kind: 'restore', folder, digest }));
}

const HELP = `
Examples:
  gozo backup /backups/monday                      of this machine's server (GOZO_STATE, GOZO_DATA)
  gozo backup verify /backups/monday               is it whole?
  GOZO_STATE=/srv/gozo gozo restore /backups/monday

It holds the secret of the keys and the key of the audit log: keep it as you keep those.`;
