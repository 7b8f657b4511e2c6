import { unreachable } from '@gozolite/contract/result';
import type { CreatedWebhook, Delivery, WebhookInfo } from '@gozolite/contract/webhooks/webhook';
import { write } from '../commands/write.js';
import type { Where } from '../connect.js';
import { clientOf, pretty } from '../kept/kept.js';
import type { KeptFlags } from '../kept/program.js';
import type { WebhooksRequest } from './program.js';

/** `gozo webhooks …`. @returns the exit code */
export async function webhooks(
  where: Where,
  { json = false }: KeptFlags,
  request: WebhooksRequest,
): Promise<number> {
  const said = await carryOut(where, request);
  await write(process.stdout, json ? pretty(said.value) : said.text);
  if (!json && said.note !== undefined) process.stderr.write(`${said.note}\n`);
  return 0;
}

/** A secret goes to standard output alone, so that a pipe takes it and nothing else. */
interface Said {
  readonly value: unknown;
  readonly text: string;
  readonly note?: string;
}

async function carryOut(where: Where, request: WebhooksRequest): Promise<Said> {
  const { webhooks: hooks } = clientOf(where);
  switch (request.kind) {
    case 'create': {
      const { url, payload, description } = request;
      return newSecret(
        await hooks.create({
          url,
          ...(payload && { payload }),
          ...(description && { description }),
        }),
      );
    }
    case 'list': {
      const all = await hooks.list();
      return { value: { webhooks: all }, text: all.map(webhookLine).join('') };
    }
    case 'rotate': {
      const { id, graceS } = request;
      return newSecret(await hooks.rotate(id, graceS === undefined ? {} : { grace_s: graceS }));
    }
    case 'delete': {
      const gone = await hooks.delete(request.id);
      return { value: gone, text: `${gone.id}: deleted\n` };
    }
    case 'enable': {
      const used = await hooks.enable(request.id);
      return { value: used, text: `${used.id}: enabled\n` };
    }
    case 'deliveries': {
      const { kind, ...query } = request;
      const given = Object.entries(query).filter(([, value]) => value !== undefined);
      const list = await hooks.deliveries(Object.fromEntries(given));
      return { value: list, text: list.deliveries.map(deliveryLine).join('') };
    }
    case 'redeliver': {
      const again = await hooks.redeliver(request.id);
      return { value: again, text: `${again.id}: under way\n` };
    }
    default:
      return unreachable(request);
  }
}

function newSecret(created: CreatedWebhook): Said {
  const { secret, info } = created;
  return { value: created, text: `${secret}\n`, note: `${info.id}; it is not shown again` };
}

function webhookLine({ id, url, payload, disabled_at, disabled_why, failing_since }: WebhookInfo) {
  const failing = failing_since === null ? 'well' : `failing since ${failing_since}`;
  const state = disabled_at === null ? failing : `disabled (${disabled_why})`;
  return `${id}  ${payload.padEnd(6)}  ${state}  ${url}\n`;
}

function deliveryLine({ id, created_at, state, attempts, next_attempt_at: next }: Delivery) {
  const last = attempts.at(-1);
  const said = last === undefined ? '' : last.detail || `${last.http_status}`;
  const then = next === null ? '' : `next ${next}  `;
  return `${id}  ${created_at}  ${state.padEnd(9)}  ${attempts.length}x  ${then}${said}\n`;
}
