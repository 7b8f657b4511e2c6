import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { ok } from '@gozolite/contract/result';
import { loggerOver } from '@gozolite/telemetry/logger';
import { test } from 'vitest';
import { createApp } from '../app.js';
import { readAll, UNDESCRIBED } from '../app-under-test.js';
import { createBodyBudget } from '../body-budget.js';
import { json } from '../route.js';
import { addressesOf, listenOn } from './listen.js';

test('requests of a second address pass the same edge, and it closes with the first', async () => {
  const log = loggerOver('silent', { write: () => {} });
  const app = createApp({
    ...{ log, budget: createBodyBudget(1024), connectionsMax: 100 },
    routes: [
      {
        method: 'GET',
        path: '/x',
        document: UNDESCRIBED,
        handle: ({ signal }) => ok(json(200, { isAborted: signal.aborted })),
      },
    ],
  });
  await listenOn(app, ['127.0.0.1', '127.0.0.2'], 0);
  const { port } = app.server.address() as AddressInfo;
  for (const host of ['127.0.0.1', '127.0.0.2']) {
    const socket = connect(port, host);
    socket.write(`GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    const answer = await readAll(socket);
    assert.match(answer, /^HTTP\/1.1 200 [\s\S]*x-frame-options: DENY[\s\S]*"isAborted":false/i);
  }
  await app.close();
  for (const host of ['127.0.0.1', '127.0.0.2']) {
    const [error] = await once(connect(port, host), 'error');
    assert.equal(error.code, 'ECONNREFUSED');
  }
});

test('localhost is all that the host calls so; another name is left to be looked up', async () => {
  assert.ok((await addressesOf('localhost')).some((address) => /^127\.|^::1$/.test(address)));
  assert.deepEqual(await addressesOf('example.test'), ['example.test']);
});
