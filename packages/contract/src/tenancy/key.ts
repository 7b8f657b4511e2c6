import { type Static, Type } from 'typebox';
import { NO_NUL } from '../text.js';
import { SCOPES, type Scope } from './scope.js';
import { NAME, TENANT_BOUNDS } from './tenant.js';

/** How long a rotated key may go on beside the new one: 30 days. */
export const GRACE_S_MAX = 30 * 24 * 3600;

const ScopeSchema = Type.Unsafe<Scope>(Type.Union(SCOPES.map((scope) => Type.Literal(scope))));

const timeOrNull = (description: string) =>
  Type.Unsafe<string | null>(Type.Union([Type.String(), Type.Null()], { description }));

export const NewKey = Type.Object(
  {
    tenant: Type.String({
      maxLength: TENANT_BOUNDS.idLengthMax,
      pattern: NO_NUL,
      examples: ['acme'],
    }),
    name: Type.Optional(NAME),
    scopes: Type.Optional(
      Type.Array(ScopeSchema, { minItems: 1, description: 'By default execute and read.' }),
    ),
    expires_at: Type.Optional(
      Type.String({
        pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?(Z|[+-]\\d\\d:\\d\\d)$',
        description: 'RFC 3339, a time to come; by default never.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type NewKey = Static<typeof NewKey>;

export const Rotation = Type.Object(
  {
    grace_s: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: GRACE_S_MAX,
        description: 'For how long the old key is let in beside the new one; by default 0.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type Rotation = Static<typeof Rotation>;

export const KeyInfo = Type.Object({
  id: Type.String(),
  tenant: Type.String(),
  name: Type.String(),
  hint: Type.String({ description: 'The first characters of the key.' }),
  scopes: Type.Array(ScopeSchema),
  created_at: Type.String({ description: 'RFC 3339, UTC, milliseconds.' }),
  expires_at: timeOrNull('Null: never.'),
  last_used_at: timeOrNull('To the minute; null: never.'),
  revoked_at: timeOrNull('Null: it is not.'),
});
export type KeyInfo = Static<typeof KeyInfo>;

export const KeyList = Type.Object({ keys: Type.Array(KeyInfo) });
export type KeyList = Static<typeof KeyList>;

export const CreatedKey = Type.Object({
  key: Type.String({ description: 'The key itself: told once, here, and never again.' }),
  info: KeyInfo,
});
export type CreatedKey = Static<typeof CreatedKey>;

export const CreatedKeys = Type.Object({ keys: Type.Array(CreatedKey) });
export type CreatedKeys = Static<typeof CreatedKeys>;
