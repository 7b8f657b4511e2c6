import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Gozo } from '@gozolite/sdk/gozo';
import { issuerForTests } from '@gozolite/tenancy/oidc/issuer-under-test';
import { afterAll, beforeAll, test } from 'vitest';
import { BUILD, spawnServer, startOwnServer } from '../../integration/own-server.js';
import { eventually } from '../../server-under-test.js';
import { codeOf, HELLO, send } from '../calls.js';
import { type Home, makeHome, run } from '../keyed-server.js';

const HOUR_S = 3600;

let idp: Awaited<ReturnType<typeof issuerForTests>>;
let home: Home;
let server: Awaited<ReturnType<typeof startOwnServer>>;
beforeAll(async () => {
  idp = await issuerForTests();
  home = await makeHome('sqlite');
  const map = { run: ['execute', 'read'], ops: ['admin'] };
  const scopes = { claim: 'scope', map };
  const tenant = { claim: 'org', create: true };
  const issuer = { issuer: idp.issuer, audience: ['gozolite'], tenant, scopes };
  // YAML 1.2 has all of JSON in it.
  writeFileSync(join(home.folder, 'oidc.yaml'), JSON.stringify({ issuers: [issuer] }));
  // Beyond loopback, without one key.
  server = await startOwnServer({ ...own(), GOZO_HOST: '0.0.0.0' });
  // The issuer is asked again by the server's own clock, where this machine was too busy to answer.
  const authorization = `Bearer ${await token({ exp: 1 })}`;
  await eventually("the issuer's keys", 60_000, async () => {
    const { status } = await fetch(`${server.url}/usage`, { headers: { authorization } });
    return status === 401 ? true : undefined;
  });
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await home?.[Symbol.asyncDispose]();
  await idp?.[Symbol.asyncDispose]();
});

function own(): Record<string, string> {
  return { ...home.env, GOZO_OIDC: join(home.folder, 'oidc.yaml') };
}

function token(claims: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const exp = Math.floor(Date.now() / 1000) + HOUR_S;
  return idp.token({ org: 'acme', scope: 'run', exp, ...claims });
}

test('a token lets its tenant in, by SDK and by CLI', async () => {
  let asked = 0;
  const gozo = new Gozo({
    url: server.url,
    key: () => {
      asked += 1;
      return token();
    },
  });
  assert.equal((await gozo.execute(HELLO)).tenant, 'acme');
  assert.equal((await gozo.usage()).tenant, 'acme');
  assert.equal(asked, 2);
  const cli = [join(BUILD, 'gozo.mjs'), 'run', '-l', 'bash', '-c', 'echo by hand', '--json'];
  const env = { GOZO_URL: server.url, GOZO_KEY: await token({ org: 'other' }) };
  const ran = await run([...cli, '--no-stdin'], env);
  assert.equal(ran.exitCode, 0, ran.stderr);
  assert.equal(JSON.parse(ran.stdout).tenant, 'other');
});

test('scopes are what the map says, and tenants that are made can be administered', async () => {
  const plain = new Gozo({ url: server.url, key: await token() });
  assert.equal(await codeOf(plain.admin.listTenants()), '403 FORBIDDEN');
  const ops = new Gozo({ url: server.url, key: await token({ scope: 'ops' }) });
  assert.equal(await codeOf(ops.execute(HELLO)), '403 FORBIDDEN');
  await new Gozo({ url: server.url, key: await token({ org: 'doomed' }) }).execute(HELLO);
  await ops.admin.revokeTenant('doomed');
  const gone = new Gozo({ url: server.url, key: await token({ org: 'doomed' }) });
  assert.equal(await codeOf(gone.execute(HELLO)), '401 UNAUTHENTICATED');
});

async function challenge(text: string): Promise<string> {
  const answer = await send(`${server.url}/execute`, HELLO, { authorization: `Bearer ${text}` });
  return `${answer.status} ${answer.headers.get('www-authenticate')}`;
}

test('a refusal says what is wrong in the words of RFC 6750', async () => {
  const open = await send(`${server.url}/execute`, HELLO);
  assert.equal(open.headers.get('www-authenticate'), 'Bearer realm="gozolite"');
  const invalid = '401 Bearer realm="gozolite", error="invalid_token", error_description=';
  const expired = await token({ exp: Math.floor(Date.now() / 1000) - HOUR_S });
  assert.equal(await challenge(expired), `${invalid}"The token has expired."`);
  const unsigned = 'No issuer that this server trusts has signed this token.';
  assert.equal(await challenge(`${expired.slice(0, -8)}AAAAAAAA`), `${invalid}"${unsigned}"`);
  assert.match(
    await challenge(await token({ scope: '' })),
    /^403 .*insufficient_scope.*"execute"$/,
  );
});

test('a file with a mistake stops the start, with its line', async () => {
  const file = join(home.folder, 'wrong.yaml');
  writeFileSync(file, 'issuers:\n  - issuer: http://id.example.com\n    tenant: { is: acme }\n');
  const { ended } = spawnServer({ ...own(), GOZO_OIDC: file });
  const { exitCode, stderr } = await ended;
  assert.equal(exitCode, 78);
  assert.match(stderr, /wrong\.yaml:2: .*audience/);
});
