import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a receiver of a test got. */
export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly url: string;
}

/** A real receiver on an address of loopback. */
export interface Receiver extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly received: readonly Received[];
  readonly connections: () => number;
}

type Judge = (received: Received, count: number) => number | RequestListener;

/** @param judge the status of its answer, or who answers in its place */
export async function startReceiver(judge: Judge, host = '127.0.0.1'): Promise<Receiver> {
  const received: Received[] = [];
  let connections = 0;
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk;
    });
    request.once('end', () => {
      const one = { headers: request.headers, body, url: request.url ?? '' };
      received.push(one);
      const judged = judge(one, received.length);
      if (typeof judged === 'function') judged(request, response);
      else response.writeHead(judged).end();
    });
  });
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    ...{ port, url: `http://${host}:${port}/hook`, received },
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
