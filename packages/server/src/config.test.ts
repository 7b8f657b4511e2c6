import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'vitest';
import { type Config, readConfig } from './config.js';

function configOf(env: Record<string, string>, flags: string[] = []): Config {
  const read = readConfig(env, flags, 4);
  assert.ok(read.ok, read.ok ? '' : read.error.join('\n'));
  return read.value;
}

function faultsOf(env: Record<string, string>, flags: string[] = []): readonly string[] {
  const read = readConfig(env, flags, 4);
  assert.ok(!read.ok);
  return read.error;
}

test('an empty environment has the documented defaults', () => {
  const config = configOf({});
  assert.deepEqual(config.listen, { kind: 'tcp', host: '127.0.0.1', port: 7070 });
  assert.equal(config.launcherSocket, '/run/gozolite/sandboxd.sock');
  assert.equal(config.concurrency, 8);
  assert.equal(config.queueMax, 512);
  assert.equal(config.queueWaitMsMax, 10_000);
  assert.equal(config.drainMs, 30_000);
  assert.equal(config.readyAttacksMs, 0);
  assert.equal(config.logLevel, 'info');
  assert.equal(config.isolationFloor, 'full');
});

test('no data set is granted by default, and what is no name is named', () => {
  assert.deepEqual(configOf({}).dataAllow, []);
  assert.deepEqual(configOf({ GOZO_DATA_ALLOW: 'iris,v1.2,iris,*' }).dataAllow, [
    ...['iris', 'v1.2', '*'],
  ]);
  const read = readConfig({ GOZO_DATA_ALLOW: 'iris,../x,A' }, [], 2);
  assert.ok(!read.ok);
  assert.deepEqual(
    read.error.map((fault) => fault.split('"')[1]),
    ['../x', 'A'],
  );
});

test('the network policy is empty by default, and a bad entry is named', () => {
  assert.deepEqual(configOf({}).network, {
    allow: [],
    bytesMax: 64 * 1024 * 1024,
    connectionsMax: 64,
    timeMsMax: 60_000,
  });
  const { network } = configOf({ GOZO_NETWORK_ALLOW: 'a.example:443,b.example:80,a.example:443' });
  assert.deepEqual(network.allow, ['a.example:443', 'b.example:80']);
  const faults = faultsOf({ GOZO_NETWORK_ALLOW: '*.example:443,10.0.0.1:80' });
  assert.match(faults.join('\n'), /"\*\.example:443".*\n.*"10\.0\.0\.1:80"/);
});

test('a flag goes over the environment, spaced or with =', () => {
  const env = { GOZO_PORT: '1', GOZO_QUEUE_WAIT_MS: '2' };
  const config = configOf(env, ['--port', '8080', '--queue-wait-ms=5']);
  assert.deepEqual(config.listen, { kind: 'tcp', host: '127.0.0.1', port: 8080 });
  assert.equal(config.queueWaitMsMax, 5);
});

test('all bad values are named at once, each with its range', () => {
  const faults = faultsOf({
    GOZO_PORT: '65536',
    GOZO_CONCURRENCY: '0',
    GOZO_LOG_LEVEL: 'loud',
    GOZO_PROT: '1',
  });
  assert.equal(faults.length, 4);
  assert.match(faults.join('\n'), /GOZO_PORT is "65536": .* from 0 to 65535/);
  assert.match(faults.join('\n'), /GOZO_CONCURRENCY is "0": .* from 1 to 1024/);
  assert.match(faults.join('\n'), /GOZO_LOG_LEVEL is "loud": one of debug/);
  assert.match(faults.join('\n'), /GOZO_PROT is not a setting/);
});

for (const [name, value, accepted] of [
  ['GOZO_CONCURRENCY', '1', true],
  ['GOZO_CONCURRENCY', '1024', true],
  ['GOZO_CONCURRENCY', '1025', false],
  ['GOZO_QUEUE', '0', true],
  ['GOZO_ISOLATION_FLOOR', 'reduced', true],
  ['GOZO_ISOLATION_FLOOR', 'none', false],
  ['GOZO_PORT', '-1', false],
  ['GOZO_PORT', '1e3', false],
  ['GOZO_PORT', ' 7070', false],
] as const) {
  test(`${name}=${value} is ${accepted ? 'taken' : 'refused'}`, () => {
    assert.equal(readConfig({ [name]: value }, [], 2).ok, accepted);
  });
}

for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) {
  test(`without keys it may listen on ${host}`, () => {
    assert.deepEqual(configOf({ GOZO_HOST: host }).listen, { kind: 'tcp', host, port: 7070 });
  });
}

for (const host of ['0.0.0.0', '::', '192.168.1.4', 'example.org', '127.0.0.1.example.org']) {
  test(`without keys it refuses to listen on ${host}, and says why`, () => {
    assert.match(faultsOf({ GOZO_HOST: host }).join(), /loopback only/);
  });
}

test('a name of the start script or the tests is no fault, and a flag without a value is', () => {
  configOf({ GOZO_STATE: '/x', GOZO_UID_BASE: '7', GOZO_TEST_URL: 'http://x', HOME: '/root' });
  assert.match(faultsOf({}, ['--port']).join(), /--port/);
});

test('docs/reference/configuration.md has a row for every setting, and no other', () => {
  const page = new URL('../../../docs/reference/configuration.md', import.meta.url);
  const rows = readFileSync(page, 'utf8').matchAll(/^\| `(GOZO_\w+)`/gm);
  const [unknown = ''] = faultsOf({ GOZO_NO_SUCH_THING: '1' });
  const known = unknown.slice(unknown.indexOf('known are ') + 10).split(', ');
  assert.deepEqual([...rows].map(([, name]) => name ?? '').sort(), known);
});

test('the container backend is accepted by name, not by naming the backend alone', () => {
  const faults = faultsOf({ GOZO_BACKEND: 'container' });
  assert.match(faults.join('\n'), /GOZO_ISOLATION_FLOOR=container/);
  const config = configOf({ GOZO_BACKEND: 'container', GOZO_ISOLATION_FLOOR: 'container' });
  assert.equal(config.container.socket, '/var/run/docker.sock');
  assert.match(
    faultsOf({ GOZO_ISOLATION_FLOOR: 'none' }).join(),
    /one of full, reduced, container/,
  );
});
