import { readFileSync } from 'node:fs';
import type { JSONWebKeySet, JWK } from 'jose';
import { fetchJson } from './fetch.js';
import type { Issuer } from './schema.js';

const KEYS_MAX = 100;
const KINDS = new Set(['RSA', 'EC', 'OKP']);
/** What a public key is made of: a private one that is published by mistake is used as its half. */
const PUBLIC = ['kty', 'kid', 'use', 'alg', 'key_ops', 'n', 'e', 'crv', 'x', 'y'] as const;

/** @throws where the keys of an issuer can't be had, or are none */
export async function loadKeys(issuer: Issuer): Promise<JSONWebKeySet> {
  const { jwks_file: file, jwks_url: url } = issuer;
  if (file !== undefined) return keysOf(JSON.parse(readFileSync(file, 'utf8')), file);
  const from = url ?? (await discover(issuer.issuer));
  return keysOf(await fetchJson(from), from);
}

/** OpenID Connect Discovery 1.0, §4. */
async function discover(issuer: string): Promise<string> {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const document = membersOf(await fetchJson(address));
  // §4.3: a document of somebody else says nothing of this one.
  if (document.issuer !== issuer) throw new Error(`${address} is of another issuer`);
  if (typeof document.jwks_uri !== 'string') throw new Error(`${address} has no jwks_uri`);
  return document.jwks_uri;
}

function keysOf(value: unknown, from: string): JSONWebKeySet {
  const { keys } = membersOf(value);
  if (!Array.isArray(keys)) throw new Error(`${from} is no JSON Web Key Set`);
  const usable = keys.slice(0, KEYS_MAX).flatMap(publicOf);
  if (usable.length === 0) throw new Error(`${from} has no public key for signatures`);
  return { keys: usable };
}

function publicOf(value: unknown): readonly JWK[] {
  const key = membersOf(value);
  if (!KINDS.has(String(key.kty)) || key.use === 'enc') return [];
  const own = PUBLIC.filter((name) => key[name] !== undefined).map((name) => [name, key[name]]);
  // The library checks each member as it imports the key.
  return [Object.fromEntries(own) as JWK];
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
