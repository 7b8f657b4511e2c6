import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { python } from './sandboxes.js';
import { startWorld, type World } from './world.js';

/**
 * A real launcher on a host with an internet, both of the test's own (world.py): what is allowed
 * gets through, and everything else does not, though somebody would answer there.
 */
const ECHO = 7;
const DISCARD = 9;
const ENDLESS = 19;
const PUBLIC = '93.184.216.34';

/** Name and address of what no sandbox may be connected to, whatever name it has. */
const REFUSED = [
  ['private.example.com', '10.9.0.1'],
  ['private2.example.com', '192.168.7.7'],
  ['own-private.example.com', '10.9.0.2'],
  ['loopback.example.com', '127.0.0.1'],
  ['unspecified.example.com', '0.0.0.0'],
  ['metadata.example.com', '169.254.169.254'],
  ['metadata2.example.com', '100.100.100.200'],
  ['metadata3.example.com', '168.63.129.16'],
  ['metadata6.example.com', 'fd00:ec2::254'],
  ['mapped.example.com', '::ffff:10.9.0.1'],
  ['translated.example.com', '64:ff9b::a09:1'],
  ['relayed.example.com', '2002:a09:1::1'],
  ['own.example.com', '93.184.216.99'],
  ['routed.example.com', '93.184.217.5'],
] as const;
const ALLOWED = ['api', 'other', 'chain', 'six', 'large', 'mixed'].map(
  (name) => `${name}.example.com`,
);
const ECHOES = [...ALLOWED, ...REFUSED.map(([name]) => name), 'rebind.example.com'].map(
  (name) => `${name}:${ECHO}`,
);
const OTHERS = [`api.example.com:${ENDLESS}`, `api.example.com:${DISCARD}`];

let world: World;

beforeAll(async () => {
  world = await startWorld([...ECHOES, ...OTHERS, 'api.example.com:1', 'absent.example.com:7']);
}, 60_000);

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});

const connectionsTo = async (): Promise<readonly string[]> =>
  (await world.seen()).reached.map(({ place, address }) => `${place} ${address}`);

describe('what is allowed', () => {
  test('a plain client connects unchanged, and the record says what went through', async () => {
    const allow = [`api.example.com:${ECHO}`];
    const { stdout, result } = await python(world, `print(said('api.example.com', 7))`, { allow });
    assert.equal(stdout, 'hello\n');
    const [connection, ...more] = result.connections ?? [];
    assert.ok(connection !== undefined && more.length === 0);
    const { time_ms: timeMs, ...rest } = connection;
    assert.deepEqual(rest, {
      host: 'api.example.com',
      port: ECHO,
      address: PUBLIC,
      bytes_sent: 5,
      bytes_received: 5,
      outcome: 'closed',
    });
    assert.ok(timeMs < 20_000);
  });

  test('names with aliases, with IPv6 only, with long answers, with one good address', async () => {
    const allow = ALLOWED.map((name) => `${name}:${ECHO}`);
    const code = `for host in ${JSON.stringify(ALLOWED)}: print(said(host, 7))`;
    const { stdout, result } = await python(world, code, { allow });
    assert.equal(stdout, 'hello\n'.repeat(ALLOWED.length));
    const addresses = (result.connections ?? []).map(({ address }) => address);
    const six = '2606:2800:220:1::34';
    assert.deepEqual(addresses, [PUBLIC, PUBLIC, PUBLIC, six, PUBLIC, PUBLIC]);
  });

  test('many connections at once, each whole', async () => {
    const code = `
import threading
def work(number):
    with connect('api.example.com', 7) as connection:
        data = bytes([number]) * 20_000
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        seen = b''
        while piece := connection.recv(65536): seen += piece
        results.append(seen == data)
results = []
threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(results.count(True))`;
    const allow = [`api.example.com:${ECHO}`];
    const { stdout, log } = await python(world, code, { allow });
    assert.equal(stdout, '16\n');
    assert.deepEqual(log, Array(16).fill('api.example.com:7 closed'));
  });

  test('what a program wrote just before its end still arrives', async () => {
    const code = `
connection = connect('api.example.com', 9)
connection.sendall(bytes(200_000))
os._exit(0)`;
    const allow = [`api.example.com:${DISCARD}`];
    const { result } = await python(world, code, { allow });
    assert.equal(result.connections?.[0]?.bytes_sent, 200_000);
    assert.equal(result.connections?.[0]?.outcome, 'closed');
  });
});

describe('what is not allowed', () => {
  test('other names do not resolve, other ports and addresses are unreachable', async () => {
    const code = `
print(said('other.example.com', 7))
print(said('example.org', 7))
print(said('api.example.com', 443))
print(said('${PUBLIC}', 7))
print(said('10.9.0.1', 7))
print(said('10.9.0.2', 7))
print(said('127.64.0.2', 7))
print(said('2606:2800:220:1::34', 7))
handle = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
try:
    handle.sendto(b'x', ('93.184.216.53', 53)); print('sent')
except OSError as error:
    print(errno.errorcode[error.errno])
print(open('/etc/resolv.conf').read() == '', os.listdir('/sys') if os.path.exists('/sys') else [])`;
    const before = (await connectionsTo()).length;
    const { stdout, log } = await python(world, code, { allow: [`api.example.com:${ECHO}`] });
    assert.deepEqual(stdout.trimEnd().split('\n'), [
      'unknown name',
      'unknown name',
      'ECONNREFUSED',
      'ENETUNREACH',
      'ENETUNREACH',
      'ENETUNREACH',
      'ECONNREFUSED',
      'ENETUNREACH',
      'ENETUNREACH',
      'True []',
    ]);
    assert.deepEqual(log, []);
    assert.equal((await connectionsTo()).length, before);
  });

  test('without a list there is no way out, and no process for one', async () => {
    const code = `print(said('api.example.com', 7), said('${PUBLIC}', 7)); input()`;
    const { stdout, result } = await python(world, code, { allow: [] });
    assert.equal(stdout, 'unknown name ENETUNREACH\n');
    assert.equal(result.connections, undefined);
  });

  test('the launcher permits what it was told, whatever a server asks for', async () => {
    for (const target of ['evil.example.com:443', `api.example.com:${ECHO + 1}`]) {
      const { result } = await python(world, '', { allow: [target] });
      const { outcome } = result;
      assert.deepEqual(outcome, {
        kind: 'setup-failed',
        step: 'launch-request',
        errno: 'NETWORK',
      });
    }
  });
});

describe('addresses', () => {
  test('private, metadata and own ones are refused, though somebody answers there', async () => {
    for (const [host] of REFUSED.filter(([name]) => !/^(mapped|own-private)/.test(name))) {
      assert.equal(await world.reach(host, ECHO), true, host);
    }
    const before = (await connectionsTo()).length;
    const names = REFUSED.map(([name]) => name);
    const allow = names.map((name) => `${name}:${ECHO}`);
    const code = `for host in ${JSON.stringify(names)}: print(said(host, 7))`;
    const { stdout, result } = await python(world, code, { allow });
    assert.equal(stdout, 'ECONNRESET\n'.repeat(names.length));
    const said = result.connections?.map(({ host, address, outcome }) => [host, address, outcome]);
    assert.deepEqual(
      said,
      REFUSED.map(([host, address]) => [host, address, 'address_refused']),
    );
    assert.equal((await connectionsTo()).length, before, 'nobody was dialled');
  });

  test('a name that changes its mind is refused the second time', async () => {
    const code = `print(said('rebind.example.com', 7)); print(said('rebind.example.com', 7))`;
    const allow = [`rebind.example.com:${ECHO}`];
    const { stdout, log, result } = await python(world, code, { allow });
    assert.equal(stdout, 'hello\nECONNRESET\n');
    assert.deepEqual(log, ['rebind.example.com:7 closed', 'rebind.example.com:7 address_refused']);
    assert.equal(result.connections?.[1]?.address, '10.9.0.1');
  });

  test('a name that is not there and a port that nobody has are told apart', async () => {
    const code = `print(said('absent.example.com', 7)); print(said('api.example.com', 1))`;
    const allow = ['absent.example.com:7', 'api.example.com:1'];
    const { stdout, log } = await python(world, code, { allow });
    assert.equal(stdout, 'ECONNRESET\nECONNRESET\n');
    assert.deepEqual(log, ['absent.example.com:7 unresolved', 'api.example.com:1 connect_failed']);
  });
});

describe('caps', () => {
  test('bytes: what was paid for goes through, and then no more', async () => {
    const code = `
total = 0
try:
    connection = connect('api.example.com', 19)
    while piece := connection.recv(65536): total += len(piece)
    print('end', total)
except ConnectionResetError:
    print('reset', total <= 100_000)
print(said('api.example.com', 7))`;
    const allow = [`api.example.com:${ENDLESS}`, `api.example.com:${ECHO}`];
    const { stdout, result } = await python(world, code, { allow, caps: { bytesMax: 100_000 } });
    assert.equal(stdout, 'reset True\nECONNRESET\n');
    const moved = result.connections?.map((each) => each.bytes_sent + each.bytes_received);
    assert.deepEqual(moved, [100_000, 0]);
    assert.deepEqual(
      result.connections?.map(({ outcome }) => outcome),
      ['bytes_limit', 'bytes_limit'],
    );
  });

  test('connections: one more is cut and listed, and then nobody listens', async () => {
    const code = `for _ in range(5): print(said('api.example.com', 7))`;
    const allow = [`api.example.com:${ECHO}`];
    const { stdout, log } = await python(world, code, { allow, caps: { connectionsMax: 2 } });
    const [first, second, third, ...later] = stdout.trimEnd().split('\n');
    assert.deepEqual([first, second], ['hello', 'hello']);
    assert.match(third ?? '', /^(ECONNRESET|EPIPE)$/);
    // Whoever is in the queue when the listener goes is reset, who comes later is refused.
    for (const each of later) assert.match(each, /^(ECONNRESET|ECONNREFUSED|EPIPE)$/);
    assert.equal(later.length, 2);
    assert.deepEqual(log, [
      'api.example.com:7 closed',
      'api.example.com:7 closed',
      'api.example.com:7 connections_limit',
    ]);
  });

  test('time: a connection that lasts is cut, and the next one is as good as new', async () => {
    const code = `
connection = connect('api.example.com', 7)
try:
    print(connection.recv(1))
except ConnectionResetError:
    print('reset')
print(said('api.example.com', 7))`;
    const allow = [`api.example.com:${ECHO}`];
    const { stdout, log } = await python(world, code, { allow, caps: { timeMsMax: 2000 } });
    assert.equal(stdout, 'reset\nhello\n');
    assert.deepEqual(log, ['api.example.com:7 time_limit', 'api.example.com:7 closed']);
  });
});
