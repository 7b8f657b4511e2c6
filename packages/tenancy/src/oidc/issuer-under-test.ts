import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

/** A key of the issuer's: its public half is what `publish` takes. */
export interface IssuerKey {
  readonly pair: KeyPair;
  readonly jwk: JWK;
  readonly alg: string;
}

export interface TokenOptions {
  readonly key?: IssuerKey;
  /** Members of its header beside alg and kid, or in their place. */
  readonly header?: Readonly<Record<string, unknown>>;
}

/** A real issuer on a port of its own: discovery, keys, and what signs tokens. */
export async function issuerForTests() {
  const asked: string[] = [];
  let keys: readonly JWK[] = [];
  let isAway = false;
  let issuer = '';
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (isAway) return void request.socket.destroy();
    const bodies: Readonly<Record<string, unknown>> = {
      '/.well-known/openid-configuration': { issuer, jwks_uri: `${issuer}/keys` },
      '/keys': { keys },
    };
    const body = bodies[request.url ?? ''];
    response.writeHead(body === undefined ? 404 : 200).end(JSON.stringify(body ?? {}));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const first = await makeIssuerKey('RS256', 'first');
  keys = [first.jwk];
  return {
    ...{ issuer, asked, first },
    publish: (...published: readonly IssuerKey[]) => {
      keys = published.map(({ jwk }) => jwk);
    },
    goAway: (away: boolean) => {
      isAway = away;
    },
    token: (claims: Readonly<Record<string, unknown>>, options: TokenOptions = {}) => {
      const { key = first, header = {} } = options;
      const { alg, jwk, pair } = key;
      const own = { iss: issuer, aud: 'gozolite', sub: 'somebody', ...claims };
      const signing = new SignJWT(own).setProtectedHeader({ alg, kid: String(jwk.kid), ...header });
      return signing.sign(pair.privateKey);
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export async function makeIssuerKey(alg: string, kid: string): Promise<IssuerKey> {
  const pair = await generateKeyPair(alg, { extractable: true });
  return { pair, alg, jwk: { ...(await exportJWK(pair.publicKey)), kid, alg, use: 'sig' } };
}
