import type {
  CreatedWebhook,
  Delivery,
  DeliveryList,
  DeliveryState,
  NewWebhook,
  WebhookInfo,
  WebhookList,
  WebhookRotation,
} from '@gozolite/contract/webhooks/webhook';

/** One call to the server: method, path, and a body that becomes JSON. */
export type WebhooksCall = <T>(
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: unknown,
) => Promise<T>;

/** What to list: without a word all of the tenant's, newest first. */
export interface DeliveryQuery {
  /** Its id. */
  readonly webhook?: string;
  readonly execution?: string;
  readonly state?: DeliveryState;
  readonly limit?: number;
  /** `next_cursor` of the page before. */
  readonly cursor?: string;
}

/** Who is told as executions end. Rejects as `Gozo` does. */
export class Webhooks {
  readonly #call: WebhooksCall;

  constructor(call: WebhooksCall) {
    this.#call = call;
  }

  /** The secret is in this answer and in no other. */
  create(webhook: NewWebhook): Promise<CreatedWebhook> {
    return this.#call('POST', '/webhooks', webhook);
  }

  async list(): Promise<readonly WebhookInfo[]> {
    return (await this.#call<WebhookList>('GET', '/webhooks')).webhooks;
  }

  /** Nothing is sent there any more, and what was sent is forgotten. */
  delete(id: string): Promise<WebhookInfo> {
    return this.#call('DELETE', `/webhooks/${encodeURIComponent(id)}`);
  }

  /** Another secret; the old one signs beside it for `grace_s`, a day unless it is given. */
  rotate(id: string, rotation: WebhookRotation = {}): Promise<CreatedWebhook> {
    return this.#call('POST', `/webhooks/${encodeURIComponent(id)}/rotate`, rotation);
  }

  /** Uses one again that was disabled. */
  enable(id: string): Promise<WebhookInfo> {
    return this.#call('POST', `/webhooks/${encodeURIComponent(id)}/enable`);
  }

  deliveries(query: DeliveryQuery = {}): Promise<DeliveryList> {
    const given = Object.entries(query).filter(([, value]) => value !== undefined);
    const search = new URLSearchParams(
      given.map(([name, value]): [string, string] => [name, String(value)]),
    );
    return this.#call('GET', `/deliveries?${search}`);
  }

  /** Now, once more, under the same webhook-id. */
  redeliver(id: string): Promise<Delivery> {
    return this.#call('POST', `/deliveries/${encodeURIComponent(id)}/redeliver`);
  }
}
