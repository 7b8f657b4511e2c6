import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { loggerOver } from '@gozolite/telemetry/logger';
import type { Authenticate } from '@gozolite/tenancy/keys/authenticate';
import { type AppDeps, createApp } from './app.js';
import { createBodyBudget } from './body-budget.js';
import type { Route, RouteDocument } from './route.js';

export const MIB = 1024 * 1024;
/** Of a route that a test makes: nobody reads its description. */
export const UNDESCRIBED: RouteDocument = {
  operationId: 'x',
  summary: '',
  access: 'execute',
  answers: {},
  schemas: {},
};

export type Init = RequestInit & { headers?: Record<string, string> };

/** An app with these routes on a port of its own, for all tests of one file. */
export function serveForTests(
  routes: readonly Route[],
  authenticate?: Authenticate,
  more: Partial<AppDeps> = {},
) {
  const log = loggerOver('silent', { write: () => {} });
  const budget = createBodyBudget(64 * MIB);
  const app = createApp({ routes, log, budget, connectionsMax: 1000, authenticate, ...more });
  let port = 0;
  const open = (): Socket => connect(port, '127.0.0.1').on('error', () => {});
  return {
    server: app.server,
    start: async () => {
      await app.listen({ host: '127.0.0.1', port: 0 });
      port = (app.server.address() as AddressInfo).port;
    },
    stop: async () => {
      const closed = app.close();
      app.server.closeAllConnections();
      await closed;
    },
    open,
    /** Sends bytes as they are and gives back all that comes until the server closes. */
    raw: (bytes: string): Promise<string> => {
      const socket = open();
      socket.write(bytes);
      return readAll(socket);
    },
    call: async (path: string, init: Init = {}) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
      const text = await response.text();
      const body: Record<string, unknown> = text === '' ? {} : JSON.parse(text);
      return { status: response.status, headers: response.headers, body };
    },
  };
}

export function post(body: string | Buffer, headers: Record<string, string> = {}): Init {
  const type = { 'content-type': 'application/json' };
  return { method: 'POST', body: body as string, headers: { ...type, ...headers } };
}

/** The head of a POST of JSON as it goes over the wire, with further header lines. */
export function head(path: string, ...lines: readonly string[]): string {
  const all = ['Host: localhost', 'Content-Type: application/json', ...lines];
  return `POST ${path} HTTP/1.1\r\n${all.join('\r\n')}\r\n\r\n`;
}

export async function readAll(socket: Socket): Promise<string> {
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
  });
  await once(socket, 'close');
  return received;
}
