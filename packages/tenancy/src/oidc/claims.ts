import { DEFAULT_SCOPES, type Scope } from '@gozolite/contract/tenancy/scope';
import { tenantIdFault } from '@gozolite/contract/tenancy/tenant';
import type { Issuer } from './schema.js';

export type Claims = Readonly<Record<string, unknown>>;

/** The tenant that a token is of; undefined where it names none. */
export function tenantOf({ tenant }: Issuer, claims: Claims): string | undefined {
  const { is, claim, map } = tenant;
  if (is !== undefined) return is;
  const said = claim === undefined ? undefined : claimAt(claims, claim);
  if (typeof said !== 'string') return undefined;
  const id = map === undefined ? said : own(map, said);
  return id !== undefined && tenantIdFault(id) === undefined ? id : undefined;
}

/** What its words mean here; of a claim that says nothing known, nothing. */
export function scopesOf({ scopes }: Issuer, claims: Claims): readonly Scope[] {
  const { are, claim, map } = scopes ?? { are: [...DEFAULT_SCOPES] };
  if (are !== undefined) return are;
  const words = claim === undefined || map === undefined ? [] : wordsOf(claimAt(claims, claim));
  return [...new Set(words.flatMap((word) => (map && own(map, word)) ?? []))];
}

/** The first claim that does not say what it has to. */
export function lackingOf({ required = {} }: Issuer, claims: Claims): string | undefined {
  return Object.keys(required).find((name) => claimAt(claims, name) !== required[name]);
}

const WORDS_MAX = 1000;

/** RFC 8693 §4.2 has one text with spaces; most others have a list. */
function wordsOf(said: unknown): readonly string[] {
  const words: readonly unknown[] = typeof said === 'string' ? said.split(' ') : [said].flat();
  return words.slice(0, WORDS_MAX).filter((word) => typeof word === 'string');
}

/** A claim by its name, or by a JSON pointer (RFC 6901) where that begins with a slash. */
function claimAt(claims: Claims, name: string): unknown {
  if (!name.startsWith('/')) return own(claims, name);
  const parts = name.slice(1).split('/');
  const keys = parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  return keys.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null ? own(value as Claims, key) : undefined,
    claims,
  );
}

/** Not what every object has: a claim may be named like that. */
function own<T>(of: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(of, name) ? of[name] : undefined;
}
