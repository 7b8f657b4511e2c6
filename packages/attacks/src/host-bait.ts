import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';

/** Things of this host for the attacks to find, none of which a sandbox may reach. */
export interface HostBait extends AsyncDisposable {
  /** What the attacks are told of them. */
  readonly env: Readonly<Record<string, string>>;
}

/** A readable file, services on loopback and on an abstract socket, a shared segment. */
export async function layBait(): Promise<HostBait> {
  const secret = `host-secret-${randomBytes(8).toString('hex')}`;
  const folder = mkdtempSync(join(tmpdir(), 'gozo-bait-'));
  // World-readable, so that only the sandbox keeps an attack from it.
  chmodSync(folder, 0o755);
  const file = join(folder, 'host-file');
  writeFileSync(file, secret, { mode: 0o644 });
  const name = `gozo-bait-${randomBytes(8).toString('hex')}`;
  const servers = [createServer((client) => client.end(secret))];
  const [tcp] = servers;
  const local = createServer((client) => client.end(secret));
  servers.push(local);
  const segment = makeSegment();
  await Promise.all([
    tcp && listening(tcp, { host: '127.0.0.1', port: 0 }),
    listening(local, { path: `\0${name}` }),
  ]);
  const address = tcp?.address();
  return {
    env: {
      HOST_FILE: file,
      HOST_NAME: hostname(),
      HOST_SOCKET: name,
      ...(typeof address === 'object' && address ? { HOST_PORT: String(address.port) } : {}),
      ...(segment === undefined ? {} : { HOST_SEGMENT: String(segment.key) }),
    },
    [Symbol.asyncDispose]: async () => {
      for (const server of servers) server.close();
      segment?.remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function listening(server: Server, where: { host: string; port: number } | { path: string }) {
  return new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(where, () => resolve());
  });
}

/** A System V segment, by the tools of util-linux; undefined where they are not installed. */
function makeSegment() {
  try {
    const said = execFileSync('ipcmk', ['--shmem', '4096', '--mode', '0444'], { encoding: 'utf8' });
    const id = /\d+/.exec(said)?.[0];
    const line = readFileSync('/proc/sysvipc/shm', 'utf8')
      .split('\n')
      .map((each) => each.trim().split(/\s+/))
      .find(([, shmid]) => shmid === id);
    const key = line?.[0];
    if (id === undefined || key === undefined) return undefined;
    return { key, remove: () => execFileSync('ipcrm', ['--shmem-id', id]) };
  } catch {
    return undefined; // The attack on it is then not applicable, and the report says so.
  }
}
