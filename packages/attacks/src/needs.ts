import { readFileSync } from 'node:fs';
import type { Attack } from './corpus.js';

/** Why nothing can be said of an attack on a host. There is no other reason. */
export const REASONS = {
  architecture: 'the door exists on another processor only',
  'kernel-setting': 'the kernel is set so that the attack says nothing',
  'no-bait': 'the host lacks what the attack aims at',
  'no-toolchain': 'the language is not installed below /usr',
} as const;
export type Reason = keyof typeof REASONS;

export interface Unmet {
  readonly reason: Reason;
  /** What is lacking, for people. */
  readonly detail: string;
}

/** Where the suite's own host keeps programs and folders to attack; no other host has it. */
const LAB = '/usr/share/gozo-lab';

/** What of this machine's processor and kernel the attack needs and lacks. */
export function unmetNeed(attack: Attack): Unmet | undefined {
  const architecture = process.arch === 'x64' ? 'x86_64' : process.arch;
  if (attack.architecture !== undefined && attack.architecture !== architecture) {
    return { reason: 'architecture', detail: `only on ${attack.architecture}` };
  }
  for (const { means, path, pattern, absent } of attack.needs ?? []) {
    const text = textOf(path);
    const isMet = text === undefined ? absent === true : new RegExp(pattern).test(text);
    if (!isMet) return { reason: 'kernel-setting', detail: `needs ${means}` };
  }
  return undefined;
}

/**
 * What the attack aims at and this host does not have. The suite's own host has all of it.
 * @param env what a place tells its attacks
 */
export function missingBait(
  { code, before = '', twin }: Attack,
  env: Readonly<Record<string, string>>,
): Unmet | undefined {
  const text = `${before}${code}${twin.code ?? ''}`;
  const names = new Set(text.match(/\bHOST_[A-Z]+\b/g));
  const unset = [...names].find((name) => env[name] === undefined);
  if (unset !== undefined) return { reason: 'no-bait', detail: `no ${unset}` };
  return text.includes(LAB) ? { reason: 'no-bait', detail: `no ${LAB}` } : undefined;
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // This kernel lacks the setting.
  }
}
