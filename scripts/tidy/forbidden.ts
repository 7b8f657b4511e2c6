import { basename } from 'node:path';
import { blankRust, lineAt } from './rust-text.js';
import { type Finding, isTest, type Source } from './sources.js';

interface Ban {
  readonly check: string;
  /** Files that it holds for. */
  readonly holds: (path: string) => boolean;
  readonly pattern: RegExp;
  readonly message: string;
}

const inPackages = (path: string) => path.startsWith('packages/') && path.endsWith('.ts');
const inRust = (path: string) => path.endsWith('.rs');

/** The one reader of the environment, and the entries that hand it over. */
const READS_ENVIRONMENT = new Set([
  'packages/server/src/config.ts',
  'packages/server/src/main.ts',
  'packages/cli/src/main.ts',
]);

/** kill(2) and its kin, by libc's and rustix's names and as bare system calls. */
const RAW_KILL = new RegExp(
  [
    // But for a container's process 1, which ends all others: -1 is written out, never computed;
    // and a sandbox's, which signals the group of its own child (ADR 0076).
    /\blibc::(?:kill(?!\(-1, libc::SIGKILL\)|\(-child, signal\))|killpg|tkill|tgkill)\b/,
    /\bkill_(?:current_)?process(?:_group)?\b/,
    /syscall\(\s*libc::SYS_(?:t?kill|tgkill|rt_(?:tg)?sigqueueinfo)\b/,
  ]
    .map((part) => part.source)
    .join('|'),
  'g',
);

const BANS: readonly Ban[] = [
  {
    check: 'environment',
    holds: (path) => inPackages(path) && !isTest(path) && !READS_ENVIRONMENT.has(path),
    pattern: /\bprocess\.env\b/g,
    message: 'process.env is read at the edge only (STYLE §5)',
  },
  {
    check: 'raw-kill',
    holds: (path) => inPackages(path) && !isTest(path),
    pattern: /\bprocess\.kill\(/g,
    message: 'no signal goes to a raw pid',
  },
  {
    check: 'default-export',
    holds: inPackages,
    pattern: /^export default\b/gm,
    message: 'named exports only',
  },
  {
    check: 'todo',
    holds: (path) => path !== 'scripts/tidy/forbidden.ts',
    pattern: /\b(?:TODO|FIXME|XXX)\b(?!\(#\d+\))/g,
    message: 'half-done work names its issue, as in (#12) after the word',
  },
  {
    check: 'unsafe',
    holds: (path) => inRust(path) && basename(path) !== 'sys.rs',
    pattern: /\bunsafe\b(?!_op_in_unsafe_fn)/g,
    message: 'unsafe lives in sys.rs only',
  },
  {
    check: 'raw-kill',
    holds: inRust,
    pattern: RAW_KILL,
    message: 'no signal goes to a raw pid: a pidfd or a cgroup (STYLE §8)',
  },
];

export function checkBans(source: Source): readonly Finding[] {
  // In Rust, words inside strings and comments do nothing; a TODO is looked for everywhere.
  const blank = inRust(source.path) ? blankRust(source.text) : source.text;
  return BANS.filter(({ holds }) => holds(source.path)).flatMap(({ check, pattern, message }) =>
    [...(check === 'todo' ? source.text : blank).matchAll(pattern)].map((match) => ({
      check,
      path: source.path,
      line: lineAt(source.text, match.index),
      message,
    })),
  );
}

const VAGUE = /^(utils?|helpers?|common|manager|base|misc|index)$/;
const KEBAB = /^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.config)?\.(ts|mjs)$/;

export function checkNames(path: string): readonly Finding[] {
  const name = basename(path);
  const found = (message: string) => [{ check: 'name', path, line: 0, message }];
  if (VAGUE.test(name.replace(/\..*$/, ''))) return found('say what it is (STYLE §2)');
  if (/\.(ts|mjs)$/.test(name) && !KEBAB.test(name)) return found('file names are kebab-case');
  return [];
}
