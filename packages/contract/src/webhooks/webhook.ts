import { type Static, Type } from 'typebox';
import { ExecuteRequest } from '../execution.js';
import { KEPT_BOUNDS } from '../kept/kept.js';
import { NO_NUL } from '../text.js';

export const WEBHOOK_BOUNDS = {
  ofTenantMax: 32,
  urlBytesMax: 2048,
  descriptionLengthMax: 256,
  /** Of an old secret beside a new one: a week. */
  graceSMax: 7 * 24 * 3600,
  /** Deliveries of one page of the list. */
  pageMax: 100,
} as const;

/** What a delivery tells of. */
export const EVENT_TYPE = 'execution.ended';

export const PAYLOADS = ['record', 'id'] as const;
export type Payload = (typeof PAYLOADS)[number];

export const WHYS_DISABLED = ['gone', 'failing'] as const;
export type WhyDisabled = (typeof WHYS_DISABLED)[number];

/** `waiting` for the end of its execution, then `pending` until it is one of the others. */
export const DELIVERY_STATES = ['waiting', 'pending', 'delivered', 'failed'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** What became of one attempt; a closed set, which metrics have too. */
export const ATTEMPT_OUTCOMES = [
  'delivered',
  'status',
  'timeout',
  'connection',
  'name',
  'address',
  'disabled',
] as const;
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];

const literals = <T extends string>(values: readonly T[], description?: string) =>
  Type.Unsafe<T>(
    Type.Union(
      values.map((value) => Type.Literal(value)),
      description === undefined ? {} : { description },
    ),
  );
const timeOrNull = (description: string) =>
  Type.Unsafe<string | null>(Type.Union([Type.String(), Type.Null()], { description }));

/** As for /execute, and who is told of its end. */
export const SubmitRequest = Type.Object(
  {
    ...ExecuteRequest.properties,
    webhook: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: WEBHOOK_BOUNDS.urlBytesMax,
        description: 'A webhook of the tenant, by its id or its URL, that is told of the end.',
        examples: ['whk_0191d2a4-5b6c-4d7e-8f90-a1b2c3d4e5f6'],
      }),
    ),
  },
  { additionalProperties: false },
);
export type SubmitRequest = Static<typeof SubmitRequest>;

export const Batch = Type.Object(
  {
    executions: Type.Array(SubmitRequest, { minItems: 1, maxItems: KEPT_BOUNDS.batchMax }),
  },
  { additionalProperties: false },
);
export type Batch = Static<typeof Batch>;

export const NewWebhook = Type.Object(
  {
    url: Type.String({
      minLength: 1,
      maxLength: WEBHOOK_BOUNDS.urlBytesMax,
      pattern: NO_NUL,
      description: 'https, of an address that the world can reach.',
      examples: ['https://example.com/gozolite'],
    }),
    payload: Type.Optional(
      literals(
        PAYLOADS,
        'What is sent: `record`, all of it (the default), or `id`, so that no output leaves.',
      ),
    ),
    description: Type.Optional(
      Type.String({ maxLength: WEBHOOK_BOUNDS.descriptionLengthMax, pattern: NO_NUL }),
    ),
  },
  { additionalProperties: false },
);
export type NewWebhook = Static<typeof NewWebhook>;

export const WebhookRotation = Type.Object(
  {
    grace_s: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: WEBHOOK_BOUNDS.graceSMax,
        description: 'For how long the old secret signs beside the new one; default a day.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type WebhookRotation = Static<typeof WebhookRotation>;

export const WebhookInfo = Type.Object({
  id: Type.String({ description: "'whk_' and a UUID." }),
  tenant: Type.String(),
  url: Type.String(),
  payload: literals(PAYLOADS),
  description: Type.String(),
  created_at: Type.String({ description: 'RFC 3339, UTC, milliseconds.' }),
  failing_since: timeOrNull('Since when no delivery got through; null: the last one did.'),
  disabled_at: timeOrNull('Nothing is sent since then; null: it is in use.'),
  disabled_why: Type.Unsafe<WhyDisabled | null>(
    Type.Union([...WHYS_DISABLED.map((why) => Type.Literal(why)), Type.Null()], {
      description: 'gone: it answered 410. failing: nothing got through for five days.',
    }),
  ),
  old_secret_until: timeOrNull('The secret before this one signs too until then.'),
});
export type WebhookInfo = Static<typeof WebhookInfo>;

export const WebhookList = Type.Object({ webhooks: Type.Array(WebhookInfo) });
export type WebhookList = Static<typeof WebhookList>;

export const CreatedWebhook = Type.Object({
  secret: Type.String({ description: 'whsec_ and base64: told once, here, and never again.' }),
  info: WebhookInfo,
});
export type CreatedWebhook = Static<typeof CreatedWebhook>;

export const DeliveryAttempt = Type.Object({
  at: Type.String(),
  outcome: literals(ATTEMPT_OUTCOMES),
  http_status: Type.Unsafe<number | null>(Type.Union([Type.Integer(), Type.Null()])),
  time_ms: Type.Integer(),
  detail: Type.String(),
});
export type DeliveryAttempt = Static<typeof DeliveryAttempt>;

export const Delivery = Type.Object({
  id: Type.String({ description: 'The webhook-id of every attempt.' }),
  webhook: Type.String(),
  execution: Type.String(),
  type: Type.String({ description: EVENT_TYPE }),
  state: literals(DELIVERY_STATES),
  created_at: Type.String(),
  next_attempt_at: timeOrNull('While it is pending.'),
  ended_at: timeOrNull('When it was delivered or given up.'),
  attempts: Type.Array(DeliveryAttempt, { description: 'The last twenty, oldest first.' }),
});
export type Delivery = Static<typeof Delivery>;

export const DeliveryList = Type.Object({
  deliveries: Type.Array(Delivery),
  next_cursor: Type.Optional(Type.String({ description: 'For the page after this one.' })),
});
export type DeliveryList = Static<typeof DeliveryList>;
