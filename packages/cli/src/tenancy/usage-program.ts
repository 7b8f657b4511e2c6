import type { Command } from 'commander';

export interface UsageFlags {
  readonly url?: string;
  readonly json?: boolean;
  /** Another than the key's own: for who administers. */
  readonly tenant?: string;
}

/** `gozo usage`: what GET /usage answers, for people. */
export function addUsageCommand(program: Command, run: (flags: UsageFlags) => Promise<void>): void {
  program
    .command('usage')
    .description('what was used in this hour, day and month (UTC), and what may be')
    .option('--tenant <name>', 'of this tenant: with a key of the scope admin')
    .option('--url <url>', 'use this server (also GOZO_URL)')
    .option('--json', 'print JSON')
    .action(run);
}
