import type { ThreatRow } from '@gozolite/attacks/assets';
import type { Caps } from './sandboxes.js';

/**
 * Attacks of a run that has an allow-list. They need an internet that answers everywhere, so they
 * are rows of this suite and not of the shipped corpus: no host of a user's has one.
 */
export interface NetworkAttack {
  readonly id: string;
  readonly title: string;
  /** What holds it: a name of `--leave-out`, or a part of docs/reference/network.md. */
  readonly layers: readonly string[];
  readonly allow?: readonly string[];
  readonly caps?: Caps;
  /** Python; it ends with what is permitted all the same, as its harmless twin. */
  readonly code: string;
  readonly stdout: RegExp;
  /** Of the record's connections: how each ended, the twin's among them. */
  readonly outcomes: RegExp;
  /** How many connections anybody outside may have seen. */
  readonly reachedMax: number;
  /** Of the record's connections together: bytes that were let in. */
  readonly received?: number;
  /** A name at which the host itself gets an answer, where the attack aims. */
  readonly answers?: string;
}

export const ECHO = 7;
const DISCARD = 9;
const ENDLESS = 19;
export const API = `api.example.com:${ECHO}`;
export const ENDLESS_API = `api.example.com:${ENDLESS}`;
export const DISCARD_API = `api.example.com:${DISCARD}`;

const TWIN = `\nprint(said('api.example.com', ${ECHO}))`;
const ONCE = { outcomes: /^closed$/, reachedMax: 1 } as const;

export const NETWORK_ATTACKS: readonly NetworkAttack[] = [
  {
    id: 'other-name',
    title: 'Connects to a name that its list lacks, at an address that it has',
    layers: ['own-hosts'],
    answers: 'other.example.com',
    code: `print(said('other.example.com', 7))${TWIN}`,
    stdout: /^unknown name\nhello\n$/,
    ...ONCE,
  },
  {
    id: 'other-port',
    title: 'Connects to another port of a name that it may connect to',
    layers: ['egress-listeners'],
    allow: [DISCARD_API],
    answers: 'api.example.com',
    code: `
print(said('api.example.com', 7))
with connect('api.example.com', 9) as connection:
    connection.sendall(b'x'); connection.shutdown(socket.SHUT_WR)
    print('connected', connection.recv(1))`,
    stdout: /^ECONNREFUSED\nconnected b''\n$/,
    ...ONCE,
  },
  {
    id: 'metadata-address',
    title: "Asks the clouds' metadata services by their addresses",
    layers: ['network-namespace'],
    answers: 'metadata.example.com',
    code: `
for host in ('169.254.169.254', '100.100.100.200', '168.63.129.16', 'fd00:ec2::254'):
    print(said(host, 7))${TWIN}`,
    stdout: /^(ENETUNREACH\n){4}hello\n$/,
    ...ONCE,
  },
  {
    id: 'metadata-name',
    title: 'Has a permitted name lead to the metadata service',
    layers: ['egress-addresses'],
    allow: ['metadata.example.com:7', API],
    answers: 'metadata.example.com',
    code: `print(said('metadata.example.com', 7))${TWIN}`,
    stdout: /^ECONNRESET\nhello\n$/,
    outcomes: /^address_refused closed$/,
    reachedMax: 1,
  },
  {
    id: 'names-rewritten',
    title: 'Writes a name of its own into its list of names',
    layers: ['rootfs-readonly'],
    answers: 'other.example.com',
    code: `
try:
    open('/etc/hosts', 'a').write('93.184.216.34 other.example.com\\n'); print('written')
except OSError as error:
    print(errno.errorcode[error.errno])
print(said('other.example.com', 7))${TWIN}`,
    stdout: /^(EROFS|EACCES)\nunknown name\nhello\n$/,
    ...ONCE,
  },
  {
    id: 'connection-flood',
    title: 'Opens many more connections than it may',
    layers: ['egress-caps'],
    caps: { connectionsMax: 4 },
    code: `
import threading
results = []
def work():
    for _ in range(10): results.append(said('api.example.com', 7))
threads = [threading.Thread(target=work) for _ in range(20)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(results), results.count('hello'))`,
    stdout: /^200 4\n$/,
    outcomes: /^(closed ){4}connections_limit$/,
    reachedMax: 4,
  },
  {
    id: 'byte-flood',
    title: 'Moves many more bytes than it may, over many connections at once',
    layers: ['egress-caps'],
    allow: [ENDLESS_API],
    caps: { bytesMax: 200_000 },
    code: `
import threading
totals = []
def work():
    total = 0
    try:
        with connect('api.example.com', 19) as connection:
            while piece := connection.recv(65536): total += len(piece)
    except OSError:
        pass
    totals.append(total)
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(totals), sum(totals) <= 200_000)`,
    stdout: /^8 True\n$/,
    outcomes: /^(bytes_limit ?){8}$/,
    reachedMax: 8,
    received: 200_000,
  },
  {
    id: 'half-open',
    title: 'Holds all of its connections and says nothing on them',
    layers: ['egress-caps'],
    caps: { connectionsMax: 4, timeMsMax: 1500 },
    code: `
held = [connect('api.example.com', 7) for _ in range(4)]
for connection in held:
    try:
        print(len(connection.recv(1)))
    except OSError as error:
        print(errno.errorcode[error.errno])`,
    stdout: /^(ECONNRESET\n){4}$/,
    outcomes: /^(time_limit ?){4}$/,
    reachedMax: 4,
  },
  {
    id: 'egress-killed',
    title: 'Kills whatever it can name, the egress process among it',
    layers: ['pid-namespace'],
    code: `
import signal
held = connect('api.example.com', 7)
for pid in [-1, *range(1, 70_000)]:
    if pid == os.getpid(): continue
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass
held.sendall(b'alive'); print(held.recv(99).decode()); held.close()`,
    stdout: /^alive\n$/,
    ...ONCE,
  },
  {
    id: 'egress-traced',
    title: 'Looks for the egress process in /proc, and traces all that it finds there or guesses',
    layers: ['pid-namespace'],
    code: `
import ctypes
held = connect('api.example.com', 7)
names = [open(f'/proc/{name}/comm').read() for name in os.listdir('/proc') if name.isdigit()]
print(any('egress' in name or 'sandboxd' in name for name in names))
libc = ctypes.CDLL(None, use_errno=True)
others = [pid for pid in range(1, 70_000) if pid != os.getpid()]
print([pid for pid in others if libc.ptrace(16, pid, 0, 0) == 0])
def opens(pid):
    try:
        open(f'/proc/{pid}/mem', 'r+b'); return True
    except OSError:
        return False
print([pid for pid in others if opens(pid)])
held.sendall(b'alive'); print(held.recv(99).decode()); held.close()`,
    stdout: /^False\n\[\]\n\[\]\nalive\n$/,
    ...ONCE,
  },
  {
    id: 'datagrams',
    title: 'Sends datagrams, to a permitted name and past it',
    layers: ['network-namespace'],
    code: `
for host in ('api.example.com', '93.184.216.34', '93.184.216.53'):
    handle = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    handle.settimeout(5)
    try:
        handle.connect((host, 7)); handle.send(b'x'); print(handle.recv(9))
    except OSError as error:
        print(errno.errorcode.get(error.errno, str(error)))${TWIN}`,
    stdout: /^ECONNREFUSED\nENETUNREACH\nENETUNREACH\nhello\n$/,
    ...ONCE,
  },
  {
    id: 'forged-packets',
    title: 'Opens raw, packet and ping sockets, to go past its listeners',
    layers: ['seccomp'],
    code: `
kinds = [(socket.AF_INET, socket.SOCK_RAW, 255), (socket.AF_INET6, socket.SOCK_RAW, 255),
    (socket.AF_PACKET, socket.SOCK_RAW, 0), (socket.AF_PACKET, socket.SOCK_DGRAM, 0),
    (socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)]
for kind in kinds:
    try:
        socket.socket(*kind); print('opened')
    except OSError as error:
        print('refused')${TWIN}`,
    stdout: /^(refused\n){5}hello\n$/,
    ...ONCE,
  },
];

/** In the test itself: it takes a neighbour that has a way out, too. */
export const NEIGHBOUR: Pick<NetworkAttack, 'id' | 'title' | 'layers'> = {
  id: 'neighbours-listener',
  title: "Connects to every address and port at which a neighbour's names are listened for",
  layers: ['network-namespace'],
};

/** As rows of the threat model's table. */
export const THREAT_ROWS: readonly ThreatRow[] = [...NETWORK_ATTACKS, NEIGHBOUR].map(
  ({ id, title, layers }) => ({
    asset: id === NEIGHBOUR.id ? 'neighbours' : 'network',
    id: `allowed-${id}`,
    title: `With an allow-list: ${title.charAt(0).toLowerCase()}${title.slice(1)}`,
    layers,
    shownBy: `[${id}](../tests/network/attack-rows.ts), python`,
  }),
);
