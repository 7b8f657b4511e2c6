import { type Static, Type } from 'typebox';

const orNull = (description: string) =>
  Type.Unsafe<number | null>(Type.Union([Type.Integer(), Type.Null()], { description }));

const Counted = Type.Object({
  used: Type.Integer({ description: 'With what is set aside for executions under way.' }),
  quota: orNull('Null: none.'),
});

const Window = Type.Object({
  starts_at: Type.String({ description: 'RFC 3339, UTC.' }),
  ends_at: Type.String(),
  executions: Counted,
  cpu_ms: Counted,
  output_bytes: Counted,
});

/** What a tenant used in the hour, day and month that it is (UTC), and what it may. */
export const Usage = Type.Object({
  tenant: Type.String(),
  hour: Window,
  day: Window,
  month: Window,
  concurrency: Type.Object({
    used: Type.Integer({ description: 'Executions under way, waiting ones too.' }),
    limit: orNull('Null: none of its own.'),
  }),
  connections: Type.Object({
    used: Type.Integer({
      description: 'That wait for executions, listen to events or talk to programs.',
    }),
    limit: Type.Integer({ description: "By its policy, or the server's for each tenant." }),
  }),
});
export type Usage = Static<typeof Usage>;
export type UsageWindow = Static<typeof Window>;

/** Which limit a 429 met. */
export const LimitMet = Type.Object({
  name: Type.String({
    description:
      'keys, requests, cpu, concurrency, connections, idempotency_keys, ' +
      'or what is counted and when: cpu_ms/day.',
  }),
  quota: Type.Optional(Type.Number()),
  remaining: Type.Optional(Type.Number()),
  asked: Type.Optional(Type.Number({ description: 'What this request could have used.' })),
  resets_at: Type.Optional(Type.String({ description: 'RFC 3339.' })),
});
export type LimitMet = Static<typeof LimitMet>;
