import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import { WEBHOOK_BOUNDS } from '@gozolite/contract/webhooks/webhook';

/** What is asked for, and who is told of its end. */
export interface Apart {
  readonly rest: unknown;
  readonly webhook?: string;
}

/** Takes `webhook` out of a request: what is left is one as for /execute. */
export function takeWebhook(value: Result<unknown, Refusal>): Result<Apart, Refusal> {
  if (!value.ok) return value;
  const request = value.value;
  if (typeof request !== 'object' || request === null || !Object.hasOwn(request, 'webhook')) {
    return ok({ rest: request });
  }
  const { webhook, ...rest } = request as { readonly webhook: unknown };
  if (typeof webhook !== 'string') return refuse(wrong('BAD_REQUEST', 'It must be a string.'));
  const bytes = Buffer.byteLength(webhook);
  // Some text can't even be asked for: Postgres knows no NUL.
  if (bytes === 0 || bytes > WEBHOOK_BOUNDS.urlBytesMax || webhook.includes('\0')) {
    return refuse(wrong('INVALID_VALUE', 'It is the id or the URL of a webhook.'));
  }
  return ok({ rest, webhook });
}

function wrong(code: 'BAD_REQUEST' | 'INVALID_VALUE', detail: string): Refusal {
  const pointer = '/webhook';
  return { code, detail: `${pointer}: ${detail}`, errors: [{ pointer, code, detail }] };
}
