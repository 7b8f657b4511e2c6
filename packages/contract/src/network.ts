import { type Static, Type } from 'typebox';

/** Bounds of what a request may ask for (docs/reference/network.md); the launcher has them too. */
export const NETWORK_BOUNDS = {
  /** Entries of one request's allow-list. */
  allowMax: 16,
  bytesMax: 999_999_999,
  connectionsMax: 128,
  timeMsMax: 600_000,
} as const;

/** How a connection went; the same list stands in crates/sandboxd/src/egress/words.rs. */
export const CONNECTION_OUTCOMES = [
  'closed',
  'reset',
  'unresolved',
  'address_refused',
  'connect_failed',
  'bytes_limit',
  'connections_limit',
  'time_limit',
  'cancelled',
  'egress_lost',
] as const;
export type ConnectionOutcome = (typeof CONNECTION_OUTCOMES)[number];

/** What a request may say of the network. */
export const Network = Type.Union(
  [
    Type.Literal('none'),
    Type.Object(
      {
        allow: Type.Array(Type.String(), {
          maxItems: NETWORK_BOUNDS.allowMax,
          description: 'host:port, each of which the policy of this server permits.',
          examples: [['api.example.com:443']],
        }),
      },
      { additionalProperties: false },
    ),
  ],
  { description: 'What the run may connect to over TCP; by default nothing. A compiler: nothing.' },
);
export type Network = Static<typeof Network>;

/** One connection that the program made, in the order in which they were made. */
export const Connection = Type.Object({
  host: Type.String(),
  port: Type.Integer(),
  address: Type.Union([Type.String(), Type.Null()], {
    description: 'The one that was dialled or refused; null where the name had none.',
  }),
  bytes_sent: Type.Integer(),
  bytes_received: Type.Integer(),
  time_ms: Type.Integer(),
  outcome: Type.Unsafe<ConnectionOutcome>(
    Type.Union(CONNECTION_OUTCOMES.map((outcome) => Type.Literal(outcome))),
  ),
});
export type Connection = Static<typeof Connection>;

/** What this server's requests may ask for, and the caps of each execution. */
export interface NetworkPolicy {
  /** `host:port`, each well-formed. */
  readonly allow: readonly string[];
  /** Both directions of all connections together. */
  readonly bytesMax: number;
  readonly connectionsMax: number;
  /** Of one connection. */
  readonly timeMsMax: number;
}

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const NAME_BYTES_MAX = 253;

/**
 * Why a text is no `host:port`; undefined where it is. The launcher holds the same grammar
 * (egress/target.rs): a name of several labels in lower case, never an address in any notation.
 */
export function targetFault(text: string): string | undefined {
  const [host = '', port = '', ...more] = text.split(':');
  if (more.length > 0 || port === '') return 'It is a name and a port, as api.example.com:443.';
  if (!/^[1-9]\d{0,4}$/.test(port) || Number(port) > 65_535) {
    return 'A port is a whole number from 1 to 65535.';
  }
  const labels = host.split('.');
  const last = labels.at(-1) ?? '';
  // inet_aton(3) reads what ends in a number as an address: 127.1, 10.0x1.
  if (/^\d/.test(last)) return 'It is a name, not an address.';
  if (labels.length < 2 || last === 'localhost' || host.length > NAME_BYTES_MAX) {
    return 'It is a whole public name, as api.example.com.';
  }
  if (!labels.every((label) => LABEL.test(label))) {
    return 'A name has labels of a-z, 0-9 and -, no wildcard and no dot at its end.';
  }
  return undefined;
}
