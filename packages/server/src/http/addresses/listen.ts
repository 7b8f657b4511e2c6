import { lookup } from 'node:dns/promises';
import { type AddressInfo, createServer } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** Connections that may wait to be taken in, as far as the kernel lets them. */
const BACKLOG = 4096;

/** localhost is 127.0.0.1 and ::1, where the host has both. */
export async function addressesOf(host: string): Promise<readonly string[]> {
  if (host !== 'localhost') return [host];
  const found = await lookup(host, { all: true });
  return [...new Set(found.map(({ address }) => address))];
}

/**
 * Listens on all of them, with one server: of further ones the framework would make servers of its
 * own, to whose requests nothing of the edge would be done.
 * @returns once the first does; the others may be taken or missing
 */
export async function listenOn(
  app: FastifyInstance,
  [first, ...others]: readonly string[],
  port: number,
): Promise<void> {
  const further = others.map((host) => ({ host, door: doorTo(app.server) }));
  app.addHook('preClose', async () => {
    for (const { door } of further) door.close();
  });
  await app.listen({ host: first ?? '127.0.0.1', port, backlog: BACKLOG });
  const bound = app.server.address() as AddressInfo;
  for (const { host, door } of further) door.listen({ host, port: bound.port, backlog: BACKLOG });
}

function doorTo(server: FastifyInstance['server']) {
  const door = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    server.emit('connection', socket);
  });
  return door.on('error', () => {});
}
