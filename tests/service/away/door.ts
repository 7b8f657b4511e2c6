import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

/** A way to a database server that can be shut: then it is as one that is stopped. */
export interface Door extends AsyncDisposable {
  readonly port: number;
  shut(): void;
  open(): void;
}

export async function openDoor(host: string, port: number): Promise<Door> {
  const sockets = new Set<Socket>();
  let isShut = false;
  const server = createServer((from) => {
    if (isShut) {
      from.resetAndDestroy();
      return;
    }
    const to = connect(port, host);
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const shut = () => {
    isShut = true;
    for (const each of sockets) each.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    shut,
    open: () => {
      isShut = false;
    },
    [Symbol.asyncDispose]: async () => {
      shut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
