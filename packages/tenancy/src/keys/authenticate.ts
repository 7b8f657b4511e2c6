import { hash as hashOf, timingSafeEqual } from 'node:crypto';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import { type Caller, isScope, type Scope } from '@gozolite/contract/tenancy/scope';
import { type KeyOwner, touchKey } from '@gozolite/store/keys';
import type { Database } from '@gozolite/store/sql';
import { isTokenShaped } from '../oidc/shape.js';
import type { Tokens } from '../oidc/tokens.js';
import { isKeyShaped } from './format.js';
import { createOwners, type Owners } from './owners.js';
import type { KeyHash } from './secret.js';
import { type Attempt, createThrottle, type Throttle } from './throttle.js';

/** What a request says of who sends it. */
export interface Credentials {
  readonly authorization: string | undefined;
  /** Of the other end of the connection; '' for a unix socket. */
  readonly address: string;
}

/** The first stage: from a stranger's request to a caller who may do this, or why not. */
export type Authenticate = (
  credentials: Credentials,
  scope: Scope,
) => Promise<Result<Caller, Refusal>>;

export interface AuthenticationDeps {
  readonly store: Database;
  readonly keyHash: KeyHash;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** A key's last use could not be noted; nothing depends on it. */
  readonly onLost: (error: unknown) => void;
  /** Of issuers that are trusted; absent: keys alone. */
  readonly tokens?: Tokens | undefined;
}

/** Last use is kept to the minute: a write for each request would be one too many. */
const TOUCH_MS = 60_000;
/** Keys that were right a while ago from that address are looked at however many others fail. */
const TRUSTED_MS = 600_000;
const TRUSTED_MAX = 10_000;
const HASHES_MAX = 10_000;

export function createAuthentication(deps: AuthenticationDeps): Authenticate {
  const { keyHash, nowMs, tokens } = deps;
  const throttle = createThrottle(nowMs);
  const trusted = createTrusted(nowMs);
  const owners = createOwners(deps.store);
  const hashes = createHashes();
  return async ({ authorization, address }, scope) => {
    if (authorization === undefined) {
      return refuse(unauthenticated(tokens === undefined ? NO_KEY : NO_KEY_OR_TOKEN));
    }
    const text = /^Bearer +(\S+) *$/i.exec(authorization)?.[1] ?? '';
    const isToken = tokens !== undefined && isTokenShaped(text);
    const digest = digestOf(text);
    const hash = hashes.of(digest) ?? (isKeyShaped(text) ? keyHash(text) : undefined);
    const isTrusted = () => trusted.has(address, digest);
    const attempt = await beginAttempt(throttle, address, isTrusted);
    if (!attempt.ok) return attempt;
    let isWrong = false;
    try {
      const known = isToken ? await tokens.callerOf(text) : await callerByKey(deps, owners, hash);
      if (!known.ok) {
        isWrong = known.error.isGuess;
        return refuse(known.error.refusal);
      }
      trusted.add(address, digest);
      if (hash !== undefined) hashes.add(digest, hash);
      const caller = known.value;
      return caller.scopes.includes(scope) ? ok(caller) : refuse(forbidden(scope, caller));
    } finally {
      attempt.value.end(isWrong);
    }
  };
}

/**
 * Who comes while as many are looked at as may fail, waits until one of these has ended: right keys
 * that come at once all get in, and of wrong ones no more are looked at than one by one.
 */
async function beginAttempt(
  throttle: Throttle,
  address: string,
  isTrusted: () => boolean,
): Promise<Result<Attempt, Refusal>> {
  for (;;) {
    if (isTrusted()) return ok({ end: (isWrong) => isWrong && throttle.fail(address) });
    const waitMs = throttle.waitMs(address);
    if (waitMs > 0) return refuse(throttled(waitMs));
    const attempt = throttle.begin(address);
    if (attempt !== undefined) return ok(attempt);
    await throttle.oneEnded(address);
  }
}

const NO_KEY = 'This server wants an API key: Authorization: Bearer gzl_...';
const NO_KEY_OR_TOKEN =
  'This server wants an API key or a token of an issuer that it trusts: Authorization: Bearer ...';
const NOT_A_KEY = 'This is no API key: one begins with gzl_, and its checksum must be right.';
const NOT_EITHER = `${NOT_A_KEY} Nor is it a signed token (JWT).`;
const UNKNOWN = 'This API key is not known here.';

/** Why one is not let in. `isGuess`: as far as can be seen, whoever sent it was never let in. */
interface NotLetIn {
  readonly refusal: Refusal;
  readonly isGuess: boolean;
}

async function callerByKey(
  deps: AuthenticationDeps,
  owners: Owners,
  hash: string | undefined,
): Promise<Result<Caller, NotLetIn>> {
  const wrong = (detail: string) => {
    const refusal = { ...unauthenticated(detail), bearer: { error: 'invalid_token' } as const };
    return refuse({ refusal, isGuess: true });
  };
  if (hash === undefined) return wrong(deps.tokens === undefined ? NOT_A_KEY : NOT_EITHER);
  const owner = await owners.byHash(hash);
  const fault = faultOf(owner, hash, deps.nowMs());
  if (owner === undefined || fault !== undefined) return wrong(fault ?? UNKNOWN);
  touch(deps, owner);
  return ok(callerOf(owner));
}

/** A token is too long to be kept, and nothing that is kept may let anybody in. */
function digestOf(text: string): string {
  return hashOf('sha256', text);
}

/** What keys that were right are stored under, by their digest: to make it takes five times it. */
function createHashes() {
  const known = new Map<string, string>();
  return {
    of: (digest: string): string | undefined => known.get(digest),
    add: (digest: string, stored: string): void => {
      if (known.size >= HASHES_MAX) known.clear();
      known.set(digest, stored);
    },
  };
}

/** The store looked it up by its hash already; the last word is a comparison in constant time. */
function faultOf(owner: KeyOwner | undefined, hash: string, nowMs: number): string | undefined {
  if (owner === undefined) return UNKNOWN;
  const { key, tenantRevokedAt } = owner;
  const [left, right] = [Buffer.from(key.hash), Buffer.from(hash)];
  if (left.length !== right.length || !timingSafeEqual(left, right)) return UNKNOWN;
  if (key.revokedAt !== null) return 'This API key was revoked.';
  if (key.expiresAt !== null && key.expiresAt <= nowMs) return 'This API key has expired.';
  return tenantRevokedAt === null ? undefined : 'The tenant of this API key was revoked.';
}

function callerOf({ key }: KeyOwner): Caller {
  return { tenant: key.tenant, keyId: key.id, scopes: key.scopes.split(' ').filter(isScope) };
}

function touch({ store, nowMs, onLost }: AuthenticationDeps, { key }: KeyOwner): void {
  const now = nowMs();
  if (key.lastUsedAt !== null && now - key.lastUsedAt < TOUCH_MS) return;
  touchKey(store, key.id, now).catch(onLost);
}

function createTrusted(nowMs: () => number) {
  const until = new Map<string, number>();
  return {
    has: (address: string, digest: string): boolean =>
      (until.get(`${address} ${digest}`) ?? 0) > nowMs(),
    add: (address: string, digest: string): void => {
      const name = `${address} ${digest}`;
      until.delete(name);
      until.set(name, nowMs() + TRUSTED_MS);
      const oldest = until.keys().next().value;
      if (until.size > TRUSTED_MAX && oldest !== undefined) until.delete(oldest);
    },
  };
}

function unauthenticated(detail: string): Refusal {
  return { code: 'UNAUTHENTICATED', detail };
}

function throttled(waitMs: number): Refusal {
  const detail = 'Too many wrong API keys or tokens came from this address.';
  const limit = { name: 'keys', remaining: 0 };
  return { code: 'RATE_LIMITED', detail, retryAfterMs: Math.ceil(waitMs), limit };
}

function forbidden(scope: Scope, { scopes }: Caller): Refusal {
  const has = scopes.join(', ');
  const detail = `This needs the scope ${scope}; the key or token has ${has || 'none'}.`;
  return { code: 'FORBIDDEN', detail, bearer: { error: 'insufficient_scope', scope } };
}
