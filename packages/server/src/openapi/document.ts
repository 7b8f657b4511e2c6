import { Finding, LanguageInfo } from '@gozolite/contract/capabilities';
import { Artifact, Isolation, SourceFile, StageResult } from '@gozolite/contract/execution';
import { Limits } from '@gozolite/contract/limits';
import { Connection } from '@gozolite/contract/network';
import { FieldError, Problem } from '@gozolite/contract/refusal';
import type { TSchema } from 'typebox';
import { PROBLEM_ANSWER, PROBLEM_MEDIA_TYPE } from '../http/problem.js';
import type { AnswerDocument, Route, RouteDocument } from '../http/route.js';
import { VERSION } from '../version.js';

/** The members of an OpenAPI 3.1 document that this server has. */
export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, unknown>>;
    readonly securitySchemes?: Readonly<Record<string, unknown>>;
  };
}

export interface OpenApiOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly parameters: readonly unknown[];
  readonly security?: readonly unknown[];
  readonly requestBody?: {
    readonly required: true;
    readonly content: Readonly<Record<string, unknown>>;
  };
  readonly responses: Readonly<Record<string, OpenApiResponse>>;
}

export interface OpenApiResponse {
  readonly description: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<Record<string, unknown>>;
}

/** The document of the routes that there are, from the contract's own schemas. */
export function openApiOf(routes: readonly Route[], hasKeys = false): OpenApiDocument {
  const schemas: Record<string, TSchema> = { Problem, ...PARTS };
  const paths: Record<string, Record<string, OpenApiOperation>> = {};
  for (const route of routes) {
    Object.assign(schemas, route.document.schemas);
    const methods = paths[route.path] ?? {};
    methods[route.method.toLowerCase()] = operationOf(route, hasKeys);
    paths[route.path] = methods;
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'GozoLite',
      version: VERSION,
      description: 'Runs code that nobody trusts, and always says exactly what happened.',
    },
    paths,
    components: {
      schemas: withReferences(schemas),
      ...(hasKeys ? { securitySchemes: { [KEY]: KEY_SCHEME } } : {}),
    },
  };
}

/** What more than one schema is made of: named once, so that a generated client has one type. */
const PARTS = {
  Limits,
  StageResult,
  Isolation,
  Artifact,
  Connection,
  SourceFile,
  LanguageInfo,
  Finding,
  FieldError,
};

/** Puts a reference in place of what has a name, wherever a schema spells one out. */
function withReferences(schemas: Readonly<Record<string, TSchema>>): Record<string, unknown> {
  const names = new Map(
    Object.entries(schemas).map(([name, part]) => [JSON.stringify(part), name]),
  );
  const refer = (value: unknown, isRoot: boolean): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    const name = isRoot ? undefined : names.get(JSON.stringify(value));
    if (name !== undefined) return refTo(name);
    if (Array.isArray(value)) return value.map((each) => refer(each, false));
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [key, refer(each, false)]),
    );
  };
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, refer(schema, true)]),
  );
}

const REQUEST_ID = {
  schema: { type: 'string', pattern: '^[A-Za-z0-9._:+/=@-]{1,128}$' },
  description: 'Taken where it is sane, else made; given back with every answer.',
};

function operationOf({ path, document }: Route, hasKeys: boolean): OpenApiOperation {
  const responses: Record<string, OpenApiResponse> = {};
  const isKeyed = hasKeys && document.access !== 'open';
  const answers = isKeyed ? { ...document.answers, ...keyAnswers(document) } : document.answers;
  for (const [status, answer] of Object.entries(answers)) {
    responses[status] = responseOf(answer);
  }
  const { description, requestSchema: schema, requestExample: example } = document;
  return {
    operationId: document.operationId,
    summary: document.summary,
    ...(description === undefined ? {} : { description }),
    parameters: [
      { name: 'X-Request-Id', in: 'header', required: false, ...REQUEST_ID },
      ...Object.entries(document.parameters ?? {}).map(([name, what]) => {
        const isInPath = path.includes(`{${name}}`);
        const place = isInPath ? 'path' : 'query';
        return { name, in: place, required: isInPath, description: what, schema: TEXT };
      }),
      ...Object.entries(document.headers ?? {}).map(([name, what]) => {
        return { name, in: 'header', required: false, description: what, schema: TEXT };
      }),
    ],
    ...(isKeyed ? { security: [{ [KEY]: [] }] } : {}),
    ...(schema === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: refTo(schema), example } },
          },
        }),
    responses: {
      ...responses,
      default: responseOf({
        description: 'A problem.',
        schema: 'Problem',
        mediaType: PROBLEM_MEDIA_TYPE,
      }),
    },
  };
}

const TEXT = { type: 'string' };
const KEY = 'apiKey';
const KEY_SCHEME = { type: 'http', scheme: 'bearer', description: 'An API key: gzl_…' };

function keyAnswers({ access, answers }: RouteDocument): RouteDocument['answers'] {
  const scope = `FORBIDDEN: the key lacks the scope ${access}.`;
  const before = answers[403] === undefined ? '' : `${answers[403].description} `;
  return {
    401: { description: 'UNAUTHENTICATED: no API key, or none that is let in.', ...PROBLEM_ANSWER },
    403: { description: `${before}${scope}`, ...PROBLEM_ANSWER },
    429: answers[429] ?? { description: 'RATE_LIMITED, with Retry-After.', ...PROBLEM_ANSWER },
  };
}

function responseOf({ description, schema, mediaType = 'application/json' }: AnswerDocument) {
  return {
    description,
    headers: { 'X-Request-Id': REQUEST_ID },
    content: { [mediaType]: schema === undefined ? {} : { schema: refTo(schema) } },
  };
}

function refTo(name: string): { readonly $ref: string } {
  return { $ref: `#/components/schemas/${name}` };
}
