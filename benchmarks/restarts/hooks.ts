import type { KeptExecution } from '@gozolite/contract/kept/kept';
import { Webhook } from 'standardwebhooks';
import {
  type Received,
  type Receiver,
  startReceiver,
} from '../../packages/server/src/webhooks/receiver.js';
import type { Ledger } from './ledger.js';

/** Who is told of ends, and puts them down as any other client's. */
export interface Hooks extends AsyncDisposable {
  readonly url: string;
  /** Of the path, which says whose it is. */
  expect(path: string, secret: string): void;
  /** Executions that it was told of. */
  readonly told: ReadonlySet<string>;
  messages(): number;
}

/** One in so many is not taken: it has to come again. */
const REFUSED_EVERY = 50;

export async function startHooks(ledger: Ledger): Promise<Hooks> {
  const secrets = new Map<string, string>();
  const told = new Set<string>();
  const take = (received: Received): void => {
    const secret = secrets.get(received.url);
    if (secret === undefined) throw new Error(`nobody's: ${received.url}`);
    const headers = received.headers as Record<string, string>;
    const event = new Webhook(secret).verify(received.body, headers) as { data: KeptExecution };
    const { id, status, record } = event.data;
    if (headers['webhook-id'] !== id.replace(/^exe_/, 'msg_')) {
      ledger.object(`${id} was told as ${headers['webhook-id']}`);
    }
    if (status === undefined) ledger.object(`${id} was told of before its end`);
    else ledger.end(id, { status, error: record?.error });
    told.add(id);
  };
  const receiver: Receiver = await startReceiver((received, count) => {
    try {
      take(received);
    } catch (error) {
      ledger.object(`a webhook that can't be verified: ${error}`);
    }
    return count % REFUSED_EVERY === 0 ? 503 : 204;
  });
  return {
    url: new URL(receiver.url).origin,
    told,
    expect: (path, secret) => secrets.set(path, secret),
    messages: () => receiver.received.length,
    [Symbol.asyncDispose]: () => receiver[Symbol.asyncDispose](),
  };
}
