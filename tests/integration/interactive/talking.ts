import assert from 'node:assert/strict';
import type { ExecuteRequest, Execution } from '@gozolite/contract/execution';
import type { ServerMessage } from '@gozolite/contract/interactive/interactive';
import { Gozo } from '@gozolite/sdk/gozo';
import type { InteractOptions, Talk, TalkEvent } from '@gozolite/sdk/interact';
import { WebSocket } from 'ws';
import { testUrl } from '../client.js';

/** What ends by itself only when nobody ends it: far above what any test takes. */
const PATIENT = { limits: { wall_time_ms: 60_000 } };

export interface Spoken {
  readonly talk: Talk;
  /** All that it has written so far. */
  said(stream?: 'stdout' | 'stderr'): string;
  /** Until what it has written matches. */
  until(pattern: RegExp): Promise<string>;
  /** Until something else than output happens that is named so. */
  event<Name extends TalkEvent['type']>(name: Name): Promise<Extract<TalkEvent, { type: Name }>>;
  ended(): Promise<Execution>;
}

export async function speak(
  request: ExecuteRequest,
  options: InteractOptions = {},
  gozo = new Gozo({ url: testUrl() }),
): Promise<Spoken> {
  const talk = await gozo.interact({ ...PATIENT, ...request }, options);
  return spoken(talk);
}

export function spoken(talk: Talk): Spoken {
  const events = talk[Symbol.asyncIterator]();
  const written = { stdout: '', stderr: '' };
  const next = async (what: string): Promise<TalkEvent> => {
    const { value, done } = await events.next();
    assert.ok(done !== true, `it ended before ${what}: ${JSON.stringify(written)}`);
    if (value.type === 'output') written[value.stream] += Buffer.from(value.bytes).toString();
    return value;
  };
  const said = (stream: 'stdout' | 'stderr' = 'stdout') => written[stream];
  return {
    ...{ talk, said },
    until: async (pattern) => {
      while (!pattern.test(said())) {
        const event = await next(String(pattern));
        assert.notEqual(event.type, 'ended', `before ${pattern}: ${JSON.stringify(event)}`);
      }
      return said();
    },
    event: async (name) => {
      for (;;) {
        const event = await next(name);
        if (isNamed(event, name)) return event;
        assert.notEqual(event.type, 'ended', `before ${name}: ${JSON.stringify(event)}`);
      }
    },
    ended: async () => {
      for (;;) {
        const event = await next('its end');
        if (event.type === 'ended') return event.record;
      }
    },
  };
}

function isNamed<Name extends TalkEvent['type']>(
  event: TalkEvent,
  name: Name,
): event is Extract<TalkEvent, { type: Name }> {
  return event.type === name;
}

export interface Raw {
  readonly socket: WebSocket;
  /** All that came, once it is closed. */
  readonly closed: Promise<{ readonly code: number; readonly messages: readonly ServerMessage[] }>;
  /** The first that has this type. */
  first(type: ServerMessage['type']): Promise<ServerMessage>;
}

/** The wire itself, without the SDK. */
export function openRaw(
  url = testUrl(),
  protocols: readonly string[] = [],
  headers: Readonly<Record<string, string>> = {},
): Raw {
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/interact`, [...protocols], {
    headers,
  });
  const messages: ServerMessage[] = [];
  let look = () => {};
  socket.on('message', (data) => {
    messages.push(JSON.parse(data.toString()) as ServerMessage);
    look();
  });
  const closed = new Promise<{ code: number; messages: readonly ServerMessage[] }>((resolve) => {
    socket.on('close', (code) => {
      resolve({ code, messages });
      look();
    });
  });
  // What a refused handshake or a cut connection says is told by its closing.
  socket.on('error', () => undefined);
  return {
    ...{ socket, closed },
    first: async (type) => {
      for (;;) {
        const found = messages.find((each) => each.type === type);
        if (found !== undefined) return found;
        assert.notEqual(socket.readyState, socket.CLOSED, `closed before ${type}`);
        await new Promise<void>((resolve) => {
          look = resolve;
        });
      }
    },
  };
}

/** How a handshake was answered, if not by a WebSocket. */
export function refusedHandshake(
  headers: Readonly<Record<string, string>>,
  url = testUrl(),
  protocols: readonly string[] = [],
): Promise<{ status: number | undefined; code: string; body: string }> {
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/interact`, [...protocols], {
    headers,
  });
  return new Promise((resolve, reject) => {
    socket.once('open', () => {
      socket.terminate();
      reject(new Error('it became a WebSocket'));
    });
    socket.on('error', reject);
    socket.once('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on('end', () => {
        const { code } = JSON.parse(body) as { code: string };
        resolve({ status: response.statusCode, code, body });
      });
    });
  });
}
