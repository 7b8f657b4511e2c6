import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result } from '@gozolite/contract/result';
import type { Caller, Scope } from '@gozolite/contract/tenancy/scope';
import type { Span } from '@gozolite/telemetry/tracing/span';
import type { TSchema } from 'typebox';
import type { WebSocket } from 'ws';
import { toJson } from './pieces.js';

/** One request as a route sees it: no framework. */
export interface Call {
  readonly requestId: string;
  readonly receivedAt: Date;
  /** Whose key came with it; without keys the one tenant that there is. */
  readonly caller: Caller;
  /** What stands in the path's braces. */
  readonly params: Readonly<Record<string, string>>;
  /** What stands behind the path's `?`; no name stands there twice. */
  readonly query: Readonly<Record<string, string>>;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Raw bytes; empty where there was no body. */
  readonly body: Buffer;
  /** Aborted as the client goes away. */
  readonly signal: AbortSignal;
  /** What its parts are traced below; absent where no traces are sent. */
  readonly span?: Span | undefined;
  /** It asks for a WebSocket, and can be given one. */
  readonly isUpgrade: boolean;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly mediaType: string;
  /** Whole, or in pieces as they come. */
  readonly body: string | AsyncIterable<string>;
  /** Of a body in pieces that is there as a whole: about how long it is. */
  readonly length?: number;
  /** With 101: who has the connection from then on. */
  readonly upgrade?: (socket: WebSocket, onRefused: (refusal: Refusal) => void) => void;
}

export function lengthOf({ body, length = 0 }: Answer): number {
  return typeof body === 'string' ? body.length : length;
}

/** What OpenAPI says of one answer. */
export interface AnswerDocument {
  readonly description: string;
  readonly schema?: string;
  readonly mediaType?: string;
  /** It may be a problem as well. */
  readonly orProblem?: boolean;
  /** There is no body at all. */
  readonly isEmpty?: boolean;
  /** What can be asked next, by the operation's id: each parameter, and where it stands. */
  readonly links?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** A parameter that is more than some text. */
export interface ParameterDocument {
  readonly description: string;
  readonly schema: Readonly<Record<string, unknown>>;
}

/** What OpenAPI says of a route; schemas are names of `schemas`. */
export interface RouteDocument {
  readonly operationId: string;
  readonly summary: string;
  /** The scope that a key needs for it; `open`: no key at all. */
  readonly access: 'open' | Scope;
  /** Names in `{}` of the path, and of the query, with what each is. */
  readonly parameters?: Readonly<Record<string, string | ParameterDocument>>;
  /** Headers that it reads, with what each is. */
  readonly headers?: Readonly<Record<string, string | ParameterDocument>>;
  readonly description?: string;
  readonly requestSchema?: string;
  /** A body may be left out. */
  readonly isBodyOptional?: boolean;
  readonly requestExample?: unknown;
  readonly answers: Readonly<Record<number, AnswerDocument>>;
  /** Schemas that it brings, by name. */
  readonly schemas: Readonly<Record<string, TSchema>>;
}

/** One endpoint, whole: a file in routes/ makes it, a row in compose.ts adds it. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** As OpenAPI has it: `/admin/keys/{id}/revoke`. */
  readonly path: string;
  readonly document: RouteDocument;
  /** Whether this request may hold its connection for long, and costs little: such are counted. */
  readonly listens?: (call: Call) => boolean;
  readonly handle: (call: Call) => Promise<Result<Answer, Refusal>> | Result<Answer, Refusal>;
}

export const JSON_MEDIA_TYPE = 'application/json; charset=utf-8';

export function json(status: number, body: unknown): Answer {
  return { status, mediaType: JSON_MEDIA_TYPE, ...toJson(body) };
}

/** What was made or changed, or why it was not. */
export function answered(
  status: number,
  result: Result<unknown, Refusal>,
): Result<Answer, Refusal> {
  return result.ok ? ok(json(status, result.value)) : result;
}

/** A path as OpenAPI writes it (`/keys/{id}`) in the router's words; a part is never empty. */
export function routerPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1(^[\\s\\S]+$)');
}

/** Whether a request's path is of that route. */
export function isPathOf(path: string, asked: string): boolean {
  const [wanted, given] = [path.split('/'), asked.split('/')];
  return (
    wanted.length === given.length &&
    wanted.every((part, at) => (part.startsWith('{') ? given[at] !== '' : part === given[at]))
  );
}
