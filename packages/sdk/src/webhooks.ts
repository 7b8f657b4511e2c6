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
import type { CallOptions, ServiceCall, SubmitOptions } from './options.js';

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
  readonly #call: ServiceCall;

  constructor(call: ServiceCall) {
    this.#call = call;
  }

  /** The secret is in this answer and in no other. */
  create(webhook: NewWebhook, options?: SubmitOptions): Promise<CreatedWebhook> {
    return this.#call('POST', '/webhooks', webhook, options);
  }

  async list(options?: CallOptions): Promise<readonly WebhookInfo[]> {
    return (await this.#call<WebhookList>('GET', '/webhooks', undefined, options)).webhooks;
  }

  /** Nothing is sent there any more, and what was sent is forgotten. */
  delete(id: string, options?: CallOptions): Promise<WebhookInfo> {
    return this.#call('DELETE', pathOf(id), undefined, options);
  }

  /** Another secret; the old one signs beside it for `grace_s`, a day unless it is given. */
  rotate(
    id: string,
    rotation: WebhookRotation = {},
    options?: SubmitOptions,
  ): Promise<CreatedWebhook> {
    return this.#call('POST', `${pathOf(id)}/rotate`, rotation, options);
  }

  /** Uses one again that was disabled. */
  enable(id: string, options?: SubmitOptions): Promise<WebhookInfo> {
    return this.#call('POST', `${pathOf(id)}/enable`, undefined, options);
  }

  deliveries(query: DeliveryQuery = {}, options?: CallOptions): Promise<DeliveryList> {
    const given = Object.entries(query).filter(([, value]) => value !== undefined);
    const search = new URLSearchParams(
      given.map(([name, value]): [string, string] => [name, String(value)]),
    );
    return this.#call('GET', `/deliveries?${search}`, undefined, options);
  }

  /** Now, once more, under the same webhook-id. */
  redeliver(id: string, options?: SubmitOptions): Promise<Delivery> {
    const path = `/deliveries/${encodeURIComponent(id)}/redeliver`;
    return this.#call('POST', path, undefined, options);
  }
}

function pathOf(id: string): string {
  return `/webhooks/${encodeURIComponent(id)}`;
}
