import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { startReceiver } from '../receiver.js';
import { type Address, createGuard } from './address.js';
import { CERTIFICATE, CERTIFICATE_KEY } from './certificate-under-test.js';
import { createResolve } from './resolve.js';
import { send } from './send.js';

/** The operator's own network is 127.0.0.2; the rest of loopback is inner. */
const guard = createGuard(['127.0.0.2'], () => new Set());
const HERE: Address = { address: '127.0.0.2', family: 4 };
const INNER: Address = { address: '127.0.0.1', family: 4 };

function sending(...answers: readonly (readonly Address[])[]) {
  let asked = 0;
  return {
    asked: () => asked,
    deps: {
      guard,
      timeMsMax: 10_000,
      resolve: async () => {
        asked += 1;
        return answers[Math.min(asked, answers.length) - 1] ?? [];
      },
    },
  };
}

const post = (url: string) => ({
  url: new URL(url),
  headers: { 'webhook-id': 'msg_1' },
  body: '{}',
});

test('a name is resolved once; the connection goes to the address that was looked at', async () => {
  await using receiver = await startReceiver(() => 204, '127.0.0.2');
  // A name server that lies the second time finds nobody who asks it again.
  const own = sending([HERE], [INNER]);
  const sent = await send(own.deps, post(`http://rebind.example:${receiver.port}/a?b=c`));
  expect(sent).toMatchObject({ outcome: 'delivered', httpStatus: 204 });
  expect(own.asked()).toBe(1);
  const [got] = receiver.received;
  expect(got?.headers).toMatchObject({
    host: `rebind.example:${receiver.port}`,
    'webhook-id': 'msg_1',
    'content-type': 'application/json',
  });
  expect([got?.url, got?.body]).toEqual(['/a?b=c', '{}']);
});

test('one inner address among good ones is one too many', async () => {
  await using inner = await startReceiver(() => 200, '127.0.0.1');
  for (const answers of [[INNER], [HERE, INNER], [INNER, HERE]]) {
    const sent = await send(sending(answers).deps, post(`http://mixed.example:${inner.port}/`));
    expect(sent.outcome).toBe('address');
    expect(sent.detail).toMatch(/mixed\.example/);
    expect(sent.detail).not.toMatch(/127/);
  }
  expect(inner.connections()).toBe(0);
});

test('mapped, tunnelled and metadata addresses are refused before any connection', async () => {
  await using inner = await startReceiver(() => 200, '127.0.0.1');
  const all = ['::ffff:127.0.0.1', '64:ff9b::7f00:1', '2002:7f00:1::', '::1', 'fd00:ec2::254'];
  for (const address of all) {
    const { deps } = sending([{ address, family: 6 }]);
    const sent = await send(deps, post(`http://name.example:${inner.port}/`));
    expect(sent.outcome, address).toBe('address');
  }
  const { deps } = sending([{ address: '169.254.169.254', family: 4 }]);
  expect((await send(deps, post('http://metadata.example/latest'))).outcome).toBe('address');
  expect(inner.connections()).toBe(0);
});

test('localhost and its kin are what they are, without a name server', async () => {
  await using inner = await startReceiver(() => 200, '127.0.0.1');
  const deps = { guard, timeMsMax: 10_000, resolve: createResolve() };
  for (const host of ['localhost', 'a.localhost', '127.0.0.1', '[::1]', '[::ffff:127.0.0.1]']) {
    const sent = await send(deps, post(`http://${host}:${inner.port}/`));
    expect(sent.outcome, host).toBe('address');
  }
  expect(inner.connections()).toBe(0);
});

test('no redirect is followed, wherever it leads', async () => {
  await using inner = await startReceiver(() => 200, '127.0.0.1');
  await using receiver = await startReceiver(
    (_, count) => (_request, response) => {
      const status = [301, 302, 303, 307, 308][count - 1] ?? 301;
      response.writeHead(status, { location: inner.url }).end();
    },
    '127.0.0.2',
  );
  for (const status of [301, 302, 303, 307, 308]) {
    const sent = await send(sending([HERE]).deps, post(receiver.url));
    expect(sent).toMatchObject({ outcome: 'status', httpStatus: status });
  }
  expect(inner.connections()).toBe(0);
});

test('an endless answer is not read to its end, and its status counts', async () => {
  await using receiver = await startReceiver(
    () => (_request, response) => {
      response.writeHead(200);
      const more = () => {
        while (response.write('x'.repeat(65_536)));
      };
      response.on('drain', more).on('error', () => {});
      more();
    },
    '127.0.0.2',
  );
  const sent = await send(sending([HERE]).deps, post(receiver.url));
  expect(sent).toMatchObject({ outcome: 'delivered', httpStatus: 200 });
});

test('who never answers is given up, and who never resolves too', async () => {
  await using receiver = await startReceiver(() => () => {}, '127.0.0.2');
  const { deps } = sending([HERE]);
  const sent = await send({ ...deps, timeMsMax: 200 }, post(receiver.url));
  expect(sent).toMatchObject({ outcome: 'timeout', httpStatus: null });
  const never = { ...deps, timeMsMax: 100, resolve: () => new Promise<never>(() => {}) };
  expect((await send(never, post('http://slow.example/'))).outcome).toBe('timeout');
});

test('what goes wrong is told by its kind', async () => {
  const gone = await startReceiver(() => 200, '127.0.0.2');
  await gone[Symbol.asyncDispose]();
  expect((await send(sending([HERE]).deps, post(gone.url))).outcome).toBe('connection');
  expect((await send(sending([]).deps, post('http://none.example/'))).outcome).toBe('name');
  const failing = { ...sending([]).deps, resolve: () => Promise.reject(new Error('ETIMEOUT')) };
  expect((await send(failing, post('http://none.example/'))).detail).toMatch(/ETIMEOUT/);
  await using busy = await startReceiver(
    () => (_request, response) => void response.writeHead(429, { 'retry-after': '120' }).end(),
    '127.0.0.2',
  );
  const sent = await send(sending([HERE]).deps, post(busy.url));
  expect(sent).toMatchObject({ outcome: 'status', httpStatus: 429, retryAfterMs: 120_000 });
});

test('over TLS the certificate has to be of the name, and signed by who is trusted', async () => {
  const names: unknown[] = [];
  const server = createServer({ cert: CERTIFICATE, key: CERTIFICATE_KEY }, (request, response) => {
    names.push('servername' in request.socket ? request.socket.servername : undefined);
    response.writeHead(200).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.2', resolve));
  const { port } = server.address() as AddressInfo;
  const trusting = { ...sending([HERE]).deps, ca: CERTIFICATE };
  const to = async (deps: typeof trusting, host: string) =>
    (await send(deps, post(`https://${host}:${port}/`))).outcome;
  expect(await to(trusting, 'hook.example')).toBe('delivered');
  expect(names).toEqual(['hook.example']);
  expect(await to(trusting, 'other.example')).toBe('connection');
  expect(await to(trusting, '127.0.0.2')).toBe('connection');
  expect((await send(sending([HERE]).deps, post(`https://hook.example:${port}/`))).outcome).toBe(
    'connection',
  );
  expect(names.length).toBe(1);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
