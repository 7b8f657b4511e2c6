import type { Refusal } from '@gozolite/contract/refusal';
import type { Logger } from '@gozolite/telemetry/logger';
import type { WebSocket } from 'ws';
import type { Call } from '../http/route.js';
import { Conversation } from './conversation.js';
import type { InteractiveSettings } from './settings.js';
import type { Start } from './start.js';

/** How long closing may take when the server stops. */
const CLOSE_MS_MAX = 1000;

/** All WebSockets that there are. */
export interface Conversations {
  converse(call: Call, socket: WebSocket, onRefused: (refusal: Refusal) => void): void;
  /** From now on nothing begins. */
  drain(): void;
  /** Resolves when all are closed; who does not close is cut off. */
  settled(): Promise<void>;
}

export function createConversations(
  start: Start,
  { idleMs }: Pick<InteractiveSettings, 'idleMs'>,
  log: Logger,
): Conversations {
  const living = new Set<Conversation>();
  let isDraining = false;
  return {
    converse: (call, socket, onRefused) => {
      const onFailed = (error: unknown) =>
        log.error({ requestId: call.requestId, error }, 'request failed');
      const deps = { start, idleMs, onFailed, onRefused };
      const conversation = new Conversation(deps, call, socket);
      living.add(conversation);
      void conversation.closed.then(() => living.delete(conversation));
      if (isDraining) conversation.drain();
    },
    drain: () => {
      isDraining = true;
      for (const each of living) each.drain();
    },
    settled: async () => {
      const all = [...living];
      const timer = setTimeout(() => {
        for (const each of all) each.terminate();
      }, CLOSE_MS_MAX);
      await Promise.all(all.map(({ closed }) => closed));
      clearTimeout(timer);
    },
  };
}
