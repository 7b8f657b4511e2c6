import assert from 'node:assert/strict';
import type { Readiness } from '@gozolite/contract/health';
import { Gozo } from '@gozolite/sdk/gozo';
import { test } from 'vitest';
import { startOwnServer } from '../../integration/own-server.js';
import { eventually } from '../../server-under-test.js';
import { postgresUrl } from '../../store/databases.js';
import { HELLO, send } from '../calls.js';
import { makeHome } from '../keyed-server.js';
import { openDoor } from './door.js';

for (const auth of ['none', 'keys'] as const) {
  test(`GOZO_AUTH=${auth}: while Postgres is away it is 503, and then it goes on`, async () => {
    await using home = await makeHome('postgres');
    const place = new URL(postgresUrl());
    await using door = await openDoor(place.hostname, Number(place.port));
    const url = new URL(home.env.GOZO_STORE ?? '');
    url.port = String(door.port);
    await home.gozo('tenants', 'create', 'acme');
    const key = await home.key('acme');
    const env = { ...home.env, GOZO_AUTH: auth, GOZO_STORE: url.href };
    await using server = await startOwnServer(env);
    const headers: Record<string, string> =
      auth === 'none' ? {} : { authorization: `Bearer ${key}` };
    const ask = (path: string, more = {}) =>
      send(`${server.url}${path}`, HELLO, { ...headers, ...more });
    const accepted = await ask('/executions');
    assert.equal(accepted.status, 202);
    door.shut();
    const asked = [
      await ask('/executions'),
      await send(`${server.url}/executions/batch`, { executions: [HELLO] }, headers),
      await ask('/execute', { 'idempotency-key': 'once' }),
      ...(auth === 'none' ? [] : [await ask('/execute')]),
      await fetch(`${server.url}/executions`, { headers }),
    ];
    for (const answer of asked) {
      assert.equal(answer.status, 503, answer.url);
      assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/);
      assert.match(await answer.text(), /"code":"STORE_UNAVAILABLE"/);
    }
    assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
    const unready = await eventually('/readyz says no', 60_000, async () => {
      const answer = await fetch(`${server.url}/readyz`);
      return answer.status === 503 ? ((await answer.json()) as Readiness) : undefined;
    });
    assert.equal(unready.reason, 'STORE_AWAY');
    if (auth === 'none') assert.equal((await ask('/execute')).status, 200);
    door.open();
    const gozo = new Gozo({ url: server.url, ...(auth === 'keys' && { key }) });
    const { id } = await eventually('it goes on', 60_000, () =>
      gozo.submit(HELLO).catch(() => undefined),
    );
    assert.equal((await gozo.wait(id)).status, 'ok');
    await eventually('/readyz says yes', 60_000, async () => {
      return (await fetch(`${server.url}/readyz`)).status === 200 ? true : undefined;
    });
    const { id: before } = (await accepted.json()) as { id: string };
    assert.equal((await gozo.wait(before)).status, 'ok');
  });
}
