import type { Refusal } from '@gozolite/contract/refusal';
import type { Result } from '@gozolite/contract/result';
import type { TSchema } from 'typebox';
import { toJson } from './pieces.js';

/** One request as a route sees it: no framework. */
export interface Call {
  readonly requestId: string;
  readonly receivedAt: Date;
  /** Raw bytes; empty where there was no body. */
  readonly body: Buffer;
  /** Aborted as the client goes away. */
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly mediaType: string;
  /** Whole, or in pieces as they come. */
  readonly body: string | AsyncIterable<string>;
}

/** What OpenAPI says of one answer. */
export interface AnswerDocument {
  readonly description: string;
  readonly schema?: string;
  readonly mediaType?: string;
}

/** What OpenAPI says of a route; schemas are names of `schemas`. */
export interface RouteDocument {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly requestSchema?: string;
  readonly requestExample?: unknown;
  readonly answers: Readonly<Record<number, AnswerDocument>>;
  /** Schemas that it brings, by name. */
  readonly schemas: Readonly<Record<string, TSchema>>;
}

/** One endpoint, whole: a file in routes/ makes it, a row in compose.ts adds it. */
export interface Route {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly document: RouteDocument;
  readonly handle: (call: Call) => Promise<Result<Answer, Refusal>> | Result<Answer, Refusal>;
}

export function json(status: number, body: unknown): Answer {
  return { status, mediaType: 'application/json; charset=utf-8', body: toJson(body) };
}
