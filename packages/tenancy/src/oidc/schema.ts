import { SCOPES, type Scope } from '@gozolite/contract/tenancy/scope';
import { type Static, Type } from 'typebox';

const closed = { additionalProperties: false };
const text = (description: string) => Type.String({ minLength: 1, maxLength: 2048, description });

/** Signatures that a public key checks. HS256 and its like share a secret; `none` is none. */
export const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
] as const;

const algorithm = Type.Unsafe<(typeof ALGORITHMS)[number]>(
  Type.Union(ALGORITHMS.map((each) => Type.Literal(each))),
);
const claim = text('The name of a claim; one that begins with / is a JSON pointer, /realm/roles.');
const scope = Type.Unsafe<Scope>(Type.Union(SCOPES.map((each) => Type.Literal(each))));
const scopes = Type.Array(scope, { minItems: 1 });
const constant = Type.Union([Type.String(), Type.Number(), Type.Boolean()]);

const tenant = Type.Object(
  {
    is: Type.Optional(text('One tenant for all tokens of this issuer.')),
    claim: Type.Optional(claim),
    map: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        description: 'From what the claim says to the id of a tenant. Not given: it says the id.',
      }),
    ),
    create: Type.Optional(
      Type.Boolean({ description: 'Makes tenants that are not there yet. Not given: false.' }),
    ),
  },
  { ...closed, description: 'Whose the token is: `is` or `claim`.' },
);

const scopesOf = Type.Object(
  {
    are: Type.Optional(scopes),
    claim: Type.Optional(claim),
    map: Type.Optional(
      Type.Record(Type.String(), scopes, {
        description: 'From a word of the claim to scopes; other words mean nothing.',
      }),
    ),
  },
  {
    ...closed,
    description: 'What it may do: `are`, or `claim` with `map`. Not given: execute, read.',
  },
);

const Issuer = Type.Object(
  {
    issuer: text('Exactly what the claim iss says.'),
    audience: Type.Array(text('One of these is what the claim aud says.'), { minItems: 1 }),
    algorithms: Type.Optional(
      Type.Array(algorithm, {
        minItems: 1,
        description: 'Not given: RS256, ES256 and EdDSA.',
      }),
    ),
    jwks_url: Type.Optional(text('Of its keys. Not given: its discovery document says where.')),
    jwks_file: Type.Optional(text('A file with its keys: nothing is fetched.')),
    type: Type.Optional(text('What the header typ says, as at+jwt. Not given: anything.')),
    clock_skew_s: Type.Optional(Type.Integer({ minimum: 0, maximum: 300 })),
    age_max_s: Type.Optional(
      Type.Integer({ minimum: 1, description: 'So long after its iat at most.' }),
    ),
    required: Type.Optional(
      Type.Record(Type.String(), constant, { description: 'Claims, and what they have to say.' }),
    ),
    tenant,
    scopes: Type.Optional(scopesOf),
  },
  closed,
);
export type Issuer = Static<typeof Issuer>;

/** Whose tokens are let in beside keys: the file that GOZO_OIDC names. */
export const OidcFile = Type.Object(
  { issuers: Type.Array(Issuer, { minItems: 1, maxItems: 32 }) },
  closed,
);
export type OidcFile = Static<typeof OidcFile>;
