import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Room for who comes next, however many connections are held open. A connection that is taken
 * beyond the bound ends the one that has been silent longest; requests that may last leave some
 * connections to those that are answered at once.
 */
export interface Room {
  /**
   * Call once for a request that may last.
   * @returns whether there is room for it
   */
  admit(request: IncomingMessage): boolean;
  /** Call once as a request arrives, and once as its answer is out or can never be. */
  begin(request: IncomingMessage): void;
  end(request: IncomingMessage): void;
}

/** Of the connections so many are for what is answered at once: health, metrics, administration. */
const RESERVE_MAX = 64;

interface Busy {
  count: number;
  readonly last: IncomingMessage;
}

export function keepRoom(server: Server, connectionsMax: number): Room {
  /** Without a request under way, the longest silent first. */
  const silent = new Set<Socket>();
  /** With requests under way: the last one of each, the oldest connection first. */
  const busy = new Map<Socket, Busy>();
  const busyMax = connectionsMax - Math.min(RESERVE_MAX, Math.floor(connectionsMax / 8));
  /** Silent ones, then those whose request has not even arrived yet. */
  const makeRoom = (but: Socket): boolean => {
    const waited = oldestOf(silent, but) ?? slowOf(busy, but);
    waited?.destroy();
    return waited !== undefined;
  };
  server.maxConnections = connectionsMax;
  server.on('connection', (socket: Socket) => {
    silent.add(socket);
    socket.once('close', () => {
      silent.delete(socket);
      busy.delete(socket);
    });
    // Full: Node would close the next one before anybody sees it.
    if (silent.size + busy.size >= connectionsMax && connectionsMax > 1) makeRoom(socket);
  });
  return {
    admit: ({ socket }) => {
      if (busy.size <= busyMax) return true;
      const slow = slowOf(busy, socket);
      slow?.destroy();
      return slow !== undefined;
    },
    begin: (request) => {
      const { socket } = request;
      const before = busy.get(socket)?.count ?? 0;
      silent.delete(socket);
      busy.set(socket, { count: before + 1, last: request });
    },
    end: ({ socket }) => {
      const held = busy.get(socket);
      if (held === undefined) return;
      held.count -= 1;
      if (held.count > 0) return;
      busy.delete(socket);
      if (!socket.destroyed) silent.add(socket);
    },
  };
}

function oldestOf(sockets: ReadonlySet<Socket>, but: Socket): Socket | undefined {
  for (const socket of sockets) if (socket !== but) return socket;
  return undefined;
}

/** Walks all of them, which is done only where there is no room. */
function slowOf(busy: ReadonlyMap<Socket, Busy>, but: Socket): Socket | undefined {
  for (const [socket, { count, last }] of busy) {
    if (socket !== but && count === 1 && !last.complete) return socket;
  }
  return undefined;
}
