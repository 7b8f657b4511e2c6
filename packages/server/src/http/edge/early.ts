import type { Refusal } from '@gozolite/contract/refusal';
import type { FastifyRequest } from 'fastify';
import { guardKeyed, guardLoopback } from '../guard.js';
import { isPathOf, type Route } from '../route.js';
import type { Cors } from './cors.js';
import { targetFault } from './framing.js';

const CHARSET = /;\s*charset\s*=\s*"?([^";\s]*)/gi;
const SEND_JSON = 'Send the body as Content-Type: application/json, in UTF-8.';

export interface EarlyDeps {
  readonly routes: readonly Route[];
  readonly hasKeys: boolean;
  readonly cors: Cors | undefined;
}

/** What the headers alone decide, before a byte of the body is read. */
export function refuseEarly(
  { routes, hasKeys, cors }: EarlyDeps,
  request: FastifyRequest,
): Refusal | undefined {
  const { method, headers, raw } = request;
  const target = targetFault(request.url);
  if (target !== undefined) return target;
  const guard = hasKeys ? guardKeyed : guardLoopback;
  const isWelcome = cors?.allows(headers.origin) ?? false;
  const foreign = guard({ method, headers, httpVersion: raw.httpVersion, isWelcome });
  if (foreign !== undefined) return foreign;
  if (method === 'CONNECT') return NO_PROXY;
  if (request.is404 || isShadowed(routes, request)) {
    return methodsHere(routes, request).length > 0
      ? { code: 'METHOD_NOT_ALLOWED', detail: `${method} is not a method of ${pathOf(request)}.` }
      : {
          code: 'NOT_FOUND',
          detail: 'There is nothing here; GET /openapi.json lists what there is.',
        };
  }
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    return unsupported('The body has to come as it is, without Content-Encoding.');
  }
  const charsets = [...(headers['content-type'] ?? '').matchAll(CHARSET)].map(([, name]) => name);
  const isUtf8 = charsets.every((name) => /^utf-?8$/i.test(name ?? ''));
  return charsets.length <= 1 && isUtf8 ? undefined : notJson();
}

/** RFC 9110 §9.3.6: its target is a host, of which this server has no resource. */
const NO_PROXY: Refusal = {
  code: 'METHOD_NOT_ALLOWED',
  detail: 'This server is no proxy: it makes no tunnels.',
};

export function notJson(): Refusal {
  return unsupported(SEND_JSON);
}

function unsupported(detail: string): Refusal {
  return { code: 'UNSUPPORTED_MEDIA_TYPE', detail };
}

/** The methods that the path of a request has, as `Allow` tells them. */
export function methodsHere(routes: readonly Route[], request: FastifyRequest): readonly string[] {
  const path = pathOf(request);
  const named = routes.filter((route) => route.path === path);
  const here = named.length > 0 ? named : routes.filter((route) => isPathOf(route.path, path));
  return here.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
}

/** `/things/batch` is no `/things/{id}`, whatever methods either has. */
function isShadowed(routes: readonly Route[], request: FastifyRequest): boolean {
  if (request.routeOptions.url?.includes(':') !== true) return false;
  const path = pathOf(request);
  return routes.some((route) => route.path === path);
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? '';
}
