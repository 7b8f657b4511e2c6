import { type Static, Type } from 'typebox';

/** The server's process answers. It says nothing of whether a program could run. */
export const Health = Type.Object({ status: Type.Literal('ok'), version: Type.String() });
export type Health = Static<typeof Health>;

/** Why `/readyz` says 503. */
export const UNREADY_REASONS = [
  'DRAINING',
  'DETECTING_TOOLCHAINS',
  'LAUNCHER_AWAY',
  'ISOLATION_REDUCED',
  'STORE_AWAY',
  'ATTACKS_PENDING',
  'ATTACK_NOT_CONTAINED',
] as const;
export type UnreadyReason = (typeof UNREADY_REASONS)[number];

/** Whether a request that comes now would run. */
export const Readiness = Type.Object({
  ready: Type.Boolean(),
  reason: Type.Optional(
    Type.Unsafe<UnreadyReason>(Type.Union(UNREADY_REASONS.map((reason) => Type.Literal(reason)))),
  ),
  detail: Type.Optional(Type.String()),
});
export type Readiness = Static<typeof Readiness>;
