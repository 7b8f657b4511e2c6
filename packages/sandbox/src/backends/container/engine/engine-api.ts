import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';

/** The oldest version of the Docker Engine API that has all that is asked here (Docker 20.10). */
const API = '/v1.41';
const ANSWER_MS_MAX = 60_000;
const ANSWER_BYTES_MAX = 8 * 1024 * 1024;

export interface Answer {
  readonly status: number;
  /** The answer's JSON, or its text where it is none. */
  readonly body: unknown;
}

/** The few calls of the Docker Engine API that a backend makes (docs/adr/0025). */
export interface EngineApi extends Disposable {
  /** @throws EngineAway where the engine can't be reached; every status is an answer */
  call(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<Answer>;
  /** A container's standard streams, as the engine multiplexes them. */
  attach(id: string): Promise<Socket>;
}

export class EngineAway extends Error {
  override readonly name = 'EngineAway';
}

export function createEngineApi(socketPath: string): EngineApi {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const open = (method: string, path: string, headers: Record<string, string | number>) =>
    request({ socketPath, agent, method, path: `${API}${path}`, headers, timeout: ANSWER_MS_MAX });
  return {
    call: (method, path, body) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const length = text === undefined ? 0 : Buffer.byteLength(text);
      const type = text === undefined ? {} : { 'Content-Type': 'application/json' };
      const asked = open(method, path, { ...type, 'Content-Length': length });
      return answerOf(asked, text);
    },
    attach: (id) => {
      const path = `/containers/${id}/attach?stream=1&stdin=1&stdout=1&stderr=1`;
      return upgrade(open('POST', path, { Connection: 'Upgrade', Upgrade: 'tcp' }));
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

function answerOf(asked: ClientRequest, text: string | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    asked.on('response', (response) => {
      readAll(response).then(
        (body) => resolve({ status: response.statusCode ?? 0, body: parse(body) }),
        (error: Error) => reject(away(error)),
      );
    });
    asked.on('timeout', () => asked.destroy(new Error(`no answer in ${ANSWER_MS_MAX} ms`)));
    asked.on('error', (error) => reject(away(error)));
    asked.end(text);
  });
}

function upgrade(asked: ClientRequest): Promise<Socket> {
  return new Promise((resolve, reject) => {
    asked.on('upgrade', (_response, socket: Socket, head) => {
      socket.setTimeout(0);
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    asked.on('response', (response) => {
      response.resume();
      reject(new EngineAway(`the engine answered an attach with ${response.statusCode}`));
    });
    asked.on('timeout', () => asked.destroy(new Error(`no answer in ${ANSWER_MS_MAX} ms`)));
    asked.on('error', (error) => reject(away(error)));
    asked.end();
  });
}

function readAll(response: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > ANSWER_BYTES_MAX) response.destroy(new Error('an answer past its bound'));
      chunks.push(chunk);
    });
    response.on('error', reject);
    response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // `OK` of /_ping, and nothing at all of a 204.
  }
}

function away(error: Error): EngineAway {
  return new EngineAway(`the container engine can't be reached: ${error.message}`, {
    cause: error,
  });
}

/** What an engine says with an error; bounded, because it goes into records. */
export function reasonOf({ status, body }: Answer): string {
  const message = isMessage(body) ? body.message : '';
  return `HTTP ${status}${message === '' ? '' : `: ${message.slice(0, 300)}`}`;
}

function isMessage(body: unknown): body is { readonly message: string } {
  return (
    typeof body === 'object' &&
    body !== null &&
    'message' in body &&
    typeof body.message === 'string'
  );
}
