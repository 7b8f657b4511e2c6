import type { WaitBounds } from '@gozolite/engine/queue/queue';
import type { IntegerReader } from '../pool/settings.js';
import { readWebhooks, type WebhookSettings, type WebhooksReader } from '../webhooks/settings.js';

/** Of executions that are kept until somebody asks: docs/reference/service/executions.md. */
export interface ExecutionSettings {
  readonly waiting: WaitBounds;
  /** What is kept of those that ended: how long, how many, how much. */
  readonly keepMs: number;
  readonly keepCount: number;
  readonly keepBytes: number;
  /** Idempotency-Keys of one tenant, of the last 24 hours. */
  readonly keysPerTenantMax: number;
  readonly webhooks: WebhookSettings;
}

export interface ExecutionsReader extends IntegerReader, WebhooksReader {}

const MIB = 1024 * 1024;
/** What is set aside for an execution is given back after an hour: housekeeping.ts in tenancy. */
const WAIT_MS = { max: 3_000_000, fallback: 1_800_000 };

/** @returns undefined where nothing is kept */
export function readExecutions(
  read: ExecutionsReader,
  faults: string[],
): ExecutionSettings | undefined {
  const isOn = read.choice('GOZO_ASYNC', ['true', 'false'], 'true') === 'true';
  const places = { min: 0, max: 100_000 };
  const waitersMax = read.integer('GOZO_ASYNC_QUEUE', { ...places, fallback: 4096 });
  const settings = {
    waiting: {
      waitersMax,
      waitersPerTenantMax: read.integer('GOZO_ASYNC_PER_TENANT', {
        ...places,
        fallback: waitersMax,
      }),
      waitMsMax: read.integer('GOZO_ASYNC_WAIT_MS', { min: 0, ...WAIT_MS }),
    },
    keepMs: 1000 * read.integer('GOZO_KEEP_S', { min: 60, max: 31_536_000, fallback: 86_400 }),
    keepCount: read.integer('GOZO_KEEP_RECORDS', { min: 1, max: 10_000_000, fallback: 100_000 }),
    keepBytes: MIB * read.integer('GOZO_KEEP_MB', { min: 1, max: 1_048_576, fallback: 1024 }),
    keysPerTenantMax: read.integer('GOZO_IDEMPOTENCY_KEYS', {
      ...{ min: 1, max: 10_000_000, fallback: 100_000 },
    }),
    webhooks: readWebhooks(read, faults),
  };
  return isOn ? settings : undefined;
}
