import { isUtf8 } from 'node:buffer';
import {
  CLIENT_MESSAGES,
  type ClientMessage,
  type ClientMessageType,
  INTERACTIVE_BOUNDS,
} from '@gozolite/contract/interactive/interactive';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import type { OutputChunk } from '@gozolite/sandbox/backend';
import { parseBody } from '../admission/body.js';
import { refusalOf } from '../admission/fault.js';
import { createFormCheck } from '../admission/shape.js';

/** What a client said, or input as it came in a binary frame. */
export type Said = ClientMessage | { readonly type: 'bytes'; readonly bytes: Buffer };

const TYPES = Object.keys(CLIENT_MESSAGES).join(', ');

/** Reads a frame by the schemas of the contract. */
export function createMessageReader(): (data: Buffer, isBinary: boolean) => Result<Said, Refusal> {
  const forms = {
    start: createFormCheck(CLIENT_MESSAGES.start),
    stdin: createFormCheck(CLIENT_MESSAGES.stdin),
    eof: createFormCheck(CLIENT_MESSAGES.eof),
    signal: createFormCheck(CLIENT_MESSAGES.signal),
    resize: createFormCheck(CLIENT_MESSAGES.resize),
  };
  return (data, isBinary) => {
    if (isBinary) return ok({ type: 'bytes', bytes: data });
    const parsed = parseBody(data);
    if (!parsed.ok) return parsed;
    const type = typeOf(parsed.value);
    if (type === undefined) return refuse(UNKNOWN_TYPE);
    if (type !== 'start' && data.length > INTERACTIVE_BOUNDS.messageBytesMax) {
      return refuse(TOO_LARGE);
    }
    const formed = forms[type](parsed.value);
    if (!formed.ok) return refuse(refusalOf(formed.error));
    const message: ClientMessage = formed.value;
    return ok(message);
  };
}

export const TOO_LARGE: Refusal = {
  code: 'BODY_TOO_LARGE',
  detail: `A message has at most ${INTERACTIVE_BOUNDS.messageBytesMax} bytes.`,
};

const UNKNOWN_TYPE: Refusal = {
  code: 'BAD_REQUEST',
  detail: `A message is an object whose "type" is one of ${TYPES}.`,
};

function typeOf(value: unknown): ClientMessageType | undefined {
  if (typeof value !== 'object' || value === null || !('type' in value)) return undefined;
  const { type } = value;
  return isType(type) ? type : undefined;
}

function isType(type: unknown): type is ClientMessageType {
  return typeof type === 'string' && Object.hasOwn(CLIENT_MESSAGES, type);
}

/** Base64 is read as RFC 4648 has it: what is anything else is refused, not guessed. */
export function bytesOf({
  content,
  encoding,
}: Extract<ClientMessage, { type: 'stdin' }>): Result<Buffer, Refusal> {
  if (encoding === undefined) return ok(Buffer.from(content, 'utf8'));
  const isBase64 = content.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(content);
  return isBase64 ? ok(Buffer.from(content, 'base64')) : refuse(NOT_BASE64);
}

const NOT_BASE64: Refusal = {
  code: 'INVALID_VALUE',
  detail: '/content: not base64 (RFC 4648).',
  errors: [{ pointer: '/content', code: 'INVALID_VALUE', detail: 'not base64 (RFC 4648)' }],
};

export function outputOf(stage: 'compile' | 'run', { stream, timeUs, bytes }: OutputChunk) {
  const piece = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const about = { type: 'output', stage, stream, time_ms: timeUs / 1000 } as const;
  return isUtf8(piece)
    ? { ...about, content: piece.toString('utf8') }
    : { ...about, content: piece.toString('base64'), encoding: 'base64' as const };
}
