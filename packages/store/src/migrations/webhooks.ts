/** Who is told of the end of executions, what is still to be told, and whose output is gone. */
export const WEBHOOKS: readonly string[] = [
  `CREATE TABLE webhooks (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    url TEXT NOT NULL,
    payload TEXT NOT NULL,
    description TEXT NOT NULL,
    secret TEXT NOT NULL,
    old_secret TEXT,
    old_secret_until BIGINT,
    created_at BIGINT NOT NULL,
    failing_since BIGINT,
    disabled_at BIGINT,
    disabled_why TEXT
  )`,
  'CREATE UNIQUE INDEX webhooks_by_url ON webhooks (tenant, url)',
  `CREATE TABLE webhook_deliveries (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    webhook TEXT NOT NULL,
    execution TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    next_at BIGINT,
    server TEXT,
    tries BIGINT NOT NULL,
    ended_at BIGINT,
    attempts TEXT NOT NULL
  )`,
  'CREATE INDEX deliveries_by_tenant ON webhook_deliveries (tenant, id)',
  'CREATE INDEX deliveries_by_webhook ON webhook_deliveries (webhook)',
  `CREATE INDEX deliveries_due ON webhook_deliveries (next_at, tenant) WHERE state = 'pending'`,
  `CREATE INDEX deliveries_waiting ON webhook_deliveries (execution) WHERE state = 'waiting'`,
  'ALTER TABLE executions ADD COLUMN bare BIGINT NOT NULL DEFAULT 0',
  'CREATE INDEX executions_by_tenants_end ON executions (tenant, ended_at, bare)',
];
