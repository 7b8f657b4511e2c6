import { rangeFault } from './sending/address.js';

/** Of webhooks: docs/reference/service/webhooks.md. */
export interface WebhookSettings {
  /** Ranges of addresses of the operator's own, which may be sent to all the same. */
  readonly allow: readonly string[];
  /** Whether http will do. */
  readonly http: boolean;
}

export interface WebhooksReader {
  list(name: string, separator: string): readonly string[];
  choice<T extends string>(name: string, choices: readonly T[], fallback: T): T;
}

export function readWebhooks(read: WebhooksReader, faults: string[]): WebhookSettings {
  const allow = [...new Set(read.list('GOZO_WEBHOOK_ALLOW', ','))];
  for (const range of allow) {
    const fault = rangeFault(range);
    if (fault !== undefined) faults.push(`GOZO_WEBHOOK_ALLOW has "${range}": ${fault}`);
  }
  const http = read.choice('GOZO_WEBHOOK_HTTP', ['true', 'false'], 'false') === 'true';
  return { allow, http };
}
