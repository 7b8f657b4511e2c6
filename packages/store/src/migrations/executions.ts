/** Executions that are kept, and answers that are given again for the same Idempotency-Key. */
export const EXECUTIONS: readonly string[] = [
  `CREATE TABLE executions (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    server TEXT NOT NULL,
    language TEXT NOT NULL,
    labels TEXT,
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    started_at BIGINT,
    ended_at BIGINT,
    status TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    record TEXT NOT NULL
  )`,
  'CREATE INDEX executions_by_tenant ON executions (tenant, id)',
  'CREATE INDEX executions_by_end ON executions (ended_at, bytes)',
  'CREATE INDEX executions_under_way ON executions (server, due_at) WHERE ended_at IS NULL',
  `CREATE TABLE idempotency (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    answer TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
  )`,
  'CREATE INDEX idempotency_by_age ON idempotency (created_at)',
];
