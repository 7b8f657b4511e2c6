import { type Static, Type } from 'typebox';
import { NO_NUL } from '../text.js';

export const TENANT_BOUNDS = { idLengthMax: 63, nameLengthMax: 128, keysMax: 100 } as const;

const ID = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
/** The tenant of a server without keys, and the policy of all that have none of their own. */
const RESERVED = new Set(['local', 'default']);

/** Why a text can't be a tenant's id; undefined where it can. */
export function tenantIdFault(id: string): string | undefined {
  if (RESERVED.has(id)) return `"${id}" is not for tenants.`;
  if (id.length <= TENANT_BOUNDS.idLengthMax && ID.test(id)) return undefined;
  return `An id is made of a-z, 0-9 and - between them, at most ${TENANT_BOUNDS.idLengthMax}.`;
}

/** Of a tenant or a key. */
export const NAME = Type.String({
  maxLength: TENANT_BOUNDS.nameLengthMax,
  pattern: NO_NUL,
  description: 'Any text without NUL.',
});

const timeOrNull = (description: string) =>
  Type.Unsafe<string | null>(Type.Union([Type.String(), Type.Null()], { description }));

export const NewTenant = Type.Object(
  {
    id: Type.String({
      maxLength: TENANT_BOUNDS.idLengthMax,
      pattern: `^(?!(local|default)$)${ID.source.slice(1)}`,
      description: 'Made of a-z, 0-9 and - between them; not local, nor default.',
      examples: ['acme'],
    }),
    name: Type.Optional(NAME),
  },
  { additionalProperties: false },
);
export type NewTenant = Static<typeof NewTenant>;

export const TenantInfo = Type.Object({
  id: Type.String(),
  name: Type.String(),
  created_at: Type.String({ description: 'RFC 3339, UTC, milliseconds.' }),
  revoked_at: timeOrNull('Since when none of its keys is let in.'),
});
export type TenantInfo = Static<typeof TenantInfo>;

export const ErasedTenant = Type.Object({
  id: Type.String(),
  executions: Type.Integer({ description: 'Records that were deleted.' }),
  webhooks: Type.Integer(),
  keys: Type.Integer(),
});
export type ErasedTenant = Static<typeof ErasedTenant>;

export const TenantList = Type.Object({ tenants: Type.Array(TenantInfo) });
export type TenantList = Static<typeof TenantList>;
