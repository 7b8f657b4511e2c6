import { createHash } from 'node:crypto';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import type { Caller } from '@gozolite/contract/tenancy/scope';
import type { Sql } from '@gozolite/store/sql';
import { findTenant, insertTenant } from '@gozolite/store/tenants';
import { decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose';
import { lackingOf, scopesOf, tenantOf } from './claims.js';
import { createKeySet, IssuerAway, type KeySet, type KeySetTimes } from './key-set.js';
import { loadKeys } from './key-source.js';
import { OidcError } from './oidc-error.js';
import type { Issuer } from './schema.js';
import { TOKEN_CHARACTERS_MAX } from './shape.js';

export interface TokensDeps {
  readonly store: Sql;
  readonly issuers: readonly Issuer[];
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** An issuer's keys could not be had; or can be again (undefined). */
  readonly onIssuer: (issuer: string, fault: unknown) => void;
  readonly onTenant: (tenant: string) => void;
  readonly times?: KeySetTimes;
}

/** Why a token is not let in. `isGuess`: nobody who is trusted signed it. */
export interface TokenRefusal {
  readonly refusal: Refusal;
  readonly isGuess: boolean;
}

/** The second way in. Disposing of it stops asking issuers for their keys. */
export interface Tokens extends Disposable {
  callerOf(token: string): Promise<Result<Caller, TokenRefusal>>;
}

const DEFAULT_ALGORITHMS = ['RS256', 'ES256', 'EdDSA', 'Ed25519'];
const DEFAULT_SKEW_S = 30;

/** @throws OidcError where the keys in a file can't be read: remote ones may come later */
export async function openTokens(deps: TokensDeps): Promise<Tokens> {
  const trusted = new Map<string, Trusted>();
  for (const issuer of deps.issuers) {
    if (issuer.jwks_file !== undefined) await tryFile(issuer);
    const keys = createKeySet({
      load: () => loadKeys(issuer),
      nowMs: () => performance.now(),
      onChange: (fault) => deps.onIssuer(issuer.issuer, fault),
      ...(deps.times === undefined ? {} : { times: deps.times }),
    });
    trusted.set(issuer.issuer, { issuer, keys });
  }
  return {
    callerOf: async (token) => {
      const own = trusted.get(issuerOf(token) ?? '');
      if (own === undefined) return refuse(FORGED);
      const claims = await verified(deps, own, token);
      return claims.ok ? callerOf(deps, own.issuer, claims.value) : claims;
    },
    [Symbol.dispose]: () => {
      for (const { keys } of trusted.values()) keys[Symbol.dispose]();
    },
  };
}

async function tryFile(issuer: Issuer): Promise<void> {
  try {
    await loadKeys(issuer);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new OidcError(`the keys of ${issuer.issuer}: ${reason}`, { cause: error });
  }
}

interface Trusted {
  readonly issuer: Issuer;
  readonly keys: KeySet;
}

/** As the token says itself, unchecked: it only says whose key to check it with. */
function issuerOf(token: string): string | undefined {
  if (token.length > TOKEN_CHARACTERS_MAX) return undefined;
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined; // Whatever it is, it is no token of anybody's.
  }
}

async function verified(
  { nowMs }: TokensDeps,
  { issuer, keys }: Trusted,
  token: string,
): Promise<Result<JWTPayload, TokenRefusal>> {
  const { type, age_max_s: ageMaxS } = issuer;
  try {
    const { payload } = await jwtVerify(token, keys.keyFor, {
      issuer: issuer.issuer,
      audience: [...issuer.audience],
      algorithms: [...(issuer.algorithms ?? DEFAULT_ALGORITHMS)],
      clockTolerance: issuer.clock_skew_s ?? DEFAULT_SKEW_S,
      currentDate: new Date(nowMs()),
      requiredClaims: ['exp'],
      ...(type === undefined ? {} : { typ: type }),
      ...(ageMaxS === undefined ? {} : { maxTokenAge: ageMaxS }),
    });
    return ok(payload);
  } catch (error) {
    return refuse(refusalOf(error));
  }
}

async function callerOf(
  deps: TokensDeps,
  issuer: Issuer,
  claims: JWTPayload,
): Promise<Result<Caller, TokenRefusal>> {
  const lacking = lackingOf(issuer, claims);
  if (lacking !== undefined) {
    return refuse(honest(`The claim "${lacking}" of the token is not what this server requires.`));
  }
  const id = tenantOf(issuer, claims);
  if (id === undefined) return refuse(honest('The token names no tenant of this server.'));
  const tenant = await tenantFor(deps, issuer, id);
  if (tenant === undefined) return refuse(honest('The token names no tenant of this server.'));
  if (tenant.revokedAt !== null) return refuse(honest('The tenant of this token was revoked.'));
  const subject = `${issuer.issuer}\n${claims.sub ?? ''}`;
  const keyId = `oidc:${createHash('sha256').update(subject).digest('hex').slice(0, 32)}`;
  return ok({ tenant: id, keyId, scopes: scopesOf(issuer, claims) });
}

async function tenantFor({ store, nowMs, onTenant }: TokensDeps, { tenant }: Issuer, id: string) {
  const found = await findTenant(store, id);
  if (found !== undefined || tenant.create !== true) return found;
  const fresh = { id, name: id, createdAt: nowMs(), revokedAt: null };
  if (await insertTenant(store, fresh)) onTenant(id);
  return findTenant(store, id);
}

const FORGED: TokenRefusal = {
  refusal: {
    code: 'UNAUTHENTICATED',
    detail: 'No issuer that this server trusts has signed this token.',
    bearer: { error: 'invalid_token' },
  },
  isGuess: true,
};

const AWAY: TokenRefusal = {
  refusal: {
    code: 'ISSUER_UNAVAILABLE',
    detail: "The keys of this token's issuer can not be had at the moment.",
    retryAfterMs: 10_000,
  },
  isGuess: false,
};

/** Of a token whose signature is right: its holder may be told what is wrong with it. */
function honest(detail: string): TokenRefusal {
  const refusal: Refusal = {
    code: 'UNAUTHENTICATED',
    detail,
    bearer: { error: 'invalid_token' },
  };
  return { refusal, isGuess: false };
}

/** jose looks at claims once the signature is right. */
function refusalOf(error: unknown): TokenRefusal {
  if (error instanceof IssuerAway) return AWAY;
  if (error instanceof errors.JWTExpired) {
    return honest(error.claim === 'iat' ? TOO_OLD : 'The token has expired.');
  }
  if (error instanceof errors.JWTClaimValidationFailed) return honest(claimFault(error));
  // What the crypto library says of a key that is too short or broken is a TypeError.
  if (error instanceof errors.JOSEError || error instanceof TypeError) return FORGED;
  if (error instanceof DOMException) return FORGED;
  throw error;
}

const TOO_OLD = 'The token was issued too long ago.';

function claimFault({ claim, reason }: errors.JWTClaimValidationFailed): string {
  if (reason === 'missing') return `The token has no "${claim}".`;
  switch (claim) {
    case 'aud':
      return 'The token is for another audience.';
    case 'nbf':
      return 'The token is not valid yet.';
    case 'iat':
      return 'The token was issued in the future.';
    case 'typ':
      return 'The token is of another type (typ).';
    default:
      return `The claim "${claim}" of the token is wrong.`;
  }
}
