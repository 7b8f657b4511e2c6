import { KEY_SUBPROTOCOL, SUBPROTOCOL } from '@gozolite/contract/interactive/interactive';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok, refuse } from '@gozolite/contract/result';
import { PROBLEM_ANSWER } from '../http/problem.js';
import type { Answer, Call, Route, RouteDocument } from '../http/route.js';
import type { Conversations } from '../interactive/house.js';

export interface InteractDeps {
  readonly conversations: Conversations;
  /** Why there is none of it on this server. */
  readonly obstacle: Refusal | undefined;
  /** Whether pages of that origin may talk to this server. */
  readonly allowsOrigin: (origin: string) => boolean;
}

/** Runs one program over a WebSocket: its input, signals and window as they come. */
export function interactRoute({ conversations, obstacle, allowsOrigin }: InteractDeps): Route {
  return {
    method: 'GET',
    path: '/interact',
    document,
    listens: ({ isUpgrade }) => isUpgrade,
    handle: (call) => {
      if (obstacle !== undefined) return refuse(obstacle);
      if (!call.isUpgrade) return refuse(NOT_AN_UPGRADE);
      const fault = faultOf(call, allowsOrigin);
      if (fault !== undefined) return refuse(fault);
      const upgrade: Answer['upgrade'] = (socket, onRefused) =>
        conversations.converse(call, socket, onRefused);
      return ok({ status: 101, mediaType: '', body: '', upgrade });
    },
  };
}

function faultOf({ headers }: Call, allowsOrigin: InteractDeps['allowsOrigin']) {
  const { origin, host } = headers;
  if (origin !== undefined && !isOwn(origin, host) && !allowsOrigin(origin)) return FOREIGN;
  if (headers['sec-websocket-version'] !== '13') return BAD_VERSION;
  if (!/^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '')) return BAD_KEY;
  const offered = headers['sec-websocket-protocol'] ?? '';
  const names = offered.split(',').map((name) => name.trim());
  return offered === '' || names.includes(SUBPROTOCOL) ? undefined : BAD_PROTOCOL;
}

/** Browsers send no CORS request before a WebSocket: the server itself has to look. */
function isOwn(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}

const FOREIGN: Refusal = {
  code: 'FORBIDDEN',
  detail: 'Pages of other origins may not open a WebSocket here.',
};
const NOT_AN_UPGRADE: Refusal = {
  code: 'UPGRADE_REQUIRED',
  detail: 'This is a WebSocket (RFC 6455): send Connection: Upgrade and Upgrade: websocket.',
};
const BAD_VERSION: Refusal = {
  code: 'UPGRADE_REQUIRED',
  detail: 'Sec-WebSocket-Version has to be 13.',
};
const BAD_KEY: Refusal = {
  code: 'BAD_REQUEST',
  detail: 'Sec-WebSocket-Key has to be 16 bytes in base64.',
};
const BAD_PROTOCOL: Refusal = {
  code: 'BAD_REQUEST',
  detail: `Of the sub-protocols this server speaks ${SUBPROTOCOL}.`,
};

const PROTOCOLS =
  `${SUBPROTOCOL}; with it, from pages, which can set no other header, the API key, ` +
  `as ${KEY_SUBPROTOCOL}gzl_….`;

const document: RouteDocument = {
  operationId: 'interact',
  access: 'execute',
  summary: 'Run a program and talk to it while it runs, over a WebSocket.',
  description:
    `The sub-protocol is ${SUBPROTOCOL}. The first message is ` +
    '{"type":"start","request":{…}} with the request of POST /execute; ' +
    'docs/reference/service/interactive.md has all messages and their schemas. ' +
    'A closed connection cancels the execution.',
  headers: {
    'Sec-WebSocket-Protocol': PROTOCOLS,
  },
  answers: {
    101: { description: 'A WebSocket from here on.', isEmpty: true },
    400: { description: 'BAD_REQUEST: the handshake is none.', ...PROBLEM_ANSWER },
    403: { description: 'FORBIDDEN: a page of another origin.', ...PROBLEM_ANSWER },
    426: { description: 'UPGRADE_REQUIRED: no WebSocket was asked for.', ...PROBLEM_ANSWER },
  },
  schemas: {},
};
