import { EXECUTIONS } from './executions.js';
import { WEBHOOKS } from './webhooks.js';

/** One step of the schema. What has once been released is never changed, only followed. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  /** Each is one statement, in words that SQLite and Postgres share. */
  readonly statements: readonly string[];
}

/** In order, from 1 without a gap. Times are milliseconds since 1970. */
export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: 'tenants and keys',
    statements: [
      `CREATE TABLE tenants (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        revoked_at BIGINT
      )`,
      `CREATE TABLE keys (
        id TEXT PRIMARY KEY,
        tenant TEXT NOT NULL REFERENCES tenants (id),
        name TEXT NOT NULL,
        hash TEXT NOT NULL UNIQUE,
        hint TEXT NOT NULL,
        scopes TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        expires_at BIGINT,
        last_used_at BIGINT,
        revoked_at BIGINT
      )`,
      'CREATE INDEX keys_by_tenant ON keys (tenant)',
    ],
  },
  {
    version: 2,
    name: 'marks: what belongs to the store as a whole',
    statements: ['CREATE TABLE marks (name TEXT PRIMARY KEY, value TEXT NOT NULL)'],
  },
  {
    version: 3,
    name: 'usage in windows of time, and what is set aside for executions under way',
    statements: [
      `CREATE TABLE usage_windows (
        tenant TEXT NOT NULL,
        span TEXT NOT NULL,
        starts_at BIGINT NOT NULL,
        executions BIGINT NOT NULL,
        cpu_ms BIGINT NOT NULL,
        output_bytes BIGINT NOT NULL,
        PRIMARY KEY (tenant, span, starts_at)
      )`,
      `CREATE TABLE reservations (
        execution TEXT PRIMARY KEY,
        tenant TEXT NOT NULL,
        server TEXT NOT NULL,
        admitted_at BIGINT NOT NULL,
        cpu_ms BIGINT NOT NULL,
        output_bytes BIGINT NOT NULL
      )`,
      'CREATE INDEX reservations_by_server ON reservations (server)',
    ],
  },
  { version: 4, name: 'executions that are kept, and idempotency', statements: EXECUTIONS },
  { version: 5, name: 'webhooks, and records without output', statements: WEBHOOKS },
];
