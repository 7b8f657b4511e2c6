import { once } from 'node:events';
import { connect } from 'node:net';
import { eventually } from '../server-under-test.js';
import type { Server } from './server.js';

const ANSWER_MS_MAX = 40_000;

/** One connection of one client, which is used for one request after the other. */
export interface Client {
  /** Status and body of what is answered on it; `closed` where it is closed instead. */
  ask(head: string, body?: object): Promise<string>;
  isClosed(): boolean;
  leave(): void;
}

/** Connected, by the kernel at least: whether the server takes it is another thing. */
export async function openClient({ url }: Server): Promise<Client> {
  const { hostname, port, host } = new URL(url);
  const socket = connect(Number(port), hostname);
  let said = '';
  let isClosed = false;
  socket.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  socket
    .on('error', () => {})
    .on('close', () => {
      isClosed = true;
    });
  await once(socket, 'connect');
  return {
    ask: (head, body) => {
      said = '';
      const content = body === undefined ? '' : JSON.stringify(body);
      const fields = [`Host: ${host}`, 'Content-Type: application/json'];
      const size = `Content-Length: ${Buffer.byteLength(content)}`;
      socket.write([`${head} HTTP/1.1`, ...fields, size, '', content].join('\r\n'));
      return eventually(`an answer to ${head}`, ANSWER_MS_MAX, () => {
        const whole = /^HTTP\/1\.1 (\d+).*?\r\n\r\n(.*\})$/s.exec(said);
        if (whole !== null) return `${whole[1]} ${whole[2]}`;
        return isClosed ? 'closed' : undefined;
      });
    },
    isClosed: () => isClosed,
    leave: () => socket.destroy(),
  };
}

/** What a client hears that comes just now. */
export async function health(server: Server): Promise<string> {
  const client = await openClient(server);
  const answer = await client.ask('GET /healthz');
  client.leave();
  return answer;
}
