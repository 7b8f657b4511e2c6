import { Finding, LanguageInfo } from '@gozolite/contract/capabilities';
import {
  Artifact,
  ExecuteRequest,
  Isolation,
  SourceFile,
  StageResult,
} from '@gozolite/contract/execution';
import { type LimitPolicy, Limits } from '@gozolite/contract/limits';
import { Connection } from '@gozolite/contract/network';
import { FieldError, Problem } from '@gozolite/contract/refusal';
import { NO_NUL } from '@gozolite/contract/text';
import { SubmitRequest } from '@gozolite/contract/webhooks/webhook';
import type { TSchema } from 'typebox';
import { PROBLEM_ANSWER, PROBLEM_MEDIA_TYPE } from '../http/problem.js';
import type { AnswerDocument, ParameterDocument, Route, RouteDocument } from '../http/route.js';
import { VERSION } from '../version.js';
import { anySchema, batchSchema, requestSchema } from './requests.js';

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
    readonly required: boolean;
    readonly content: Readonly<Record<string, unknown>>;
  };
  readonly responses: Readonly<Record<string, OpenApiResponse>>;
}

export interface OpenApiResponse {
  readonly description: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<Record<string, unknown>>;
  readonly links?: Readonly<Record<string, unknown>>;
}

export interface Described {
  readonly hasKeys: boolean;
  /** Of the machine: what no request goes beyond. */
  readonly limits: LimitPolicy;
}

/** The document of the routes that there are, from the contract's own schemas. */
export function openApiOf(routes: readonly Route[], described: Described): OpenApiDocument {
  const { hasKeys, limits } = described;
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
      schemas: { ...withReferences(schemas), ...narrowed(schemas, limits) },
      ...(hasKeys ? { securitySchemes: { [KEY]: KEY_SCHEME } } : {}),
    },
  };
}

/** What is said of a request beyond its form: it is known only here what this server permits. */
function narrowed(schemas: Readonly<Record<string, TSchema>>, limits: LimitPolicy) {
  const programs = Object.entries({
    ExecuteRequest: ExecuteRequest.properties,
    SubmitRequest: SubmitRequest.properties,
  }).filter(([name]) => schemas[name] !== undefined);
  const { Batch } = schemas;
  return {
    ...withReferences({
      ...PARTS,
      ...Object.fromEntries(programs.map(([name, of]) => [name, requestSchema(limits, of)])),
    }),
    ...(Batch === undefined ? {} : batchOf(refTo('SubmitRequest'), refTo('AnyJson'))),
  };
}

function batchOf(request: object, any: object): Record<string, object> {
  return { Batch: batchSchema(request, any), AnyJson: anySchema(any) };
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

/** No target has a NUL in it. */
const PARAMETER = { type: 'string', pattern: NO_NUL };
const TEXT = { type: 'string' };
const REQUEST_ID = {
  schema: { type: 'string' },
  description: 'Taken where it is 1 to 128 of A-Z a-z 0-9 . _ : + / = @ and -, else made anew.',
};
const OWN_REQUEST_ID = {
  schema: { type: 'string', pattern: '^[A-Za-z0-9._:+/=@-]{1,128}$' },
  description: "The request's id.",
};
const RETRY_AFTER = {
  schema: { type: 'integer', minimum: 1 },
  description: 'In so many seconds; absent where none is foreseen.',
};
/** Beside the id: what comes with an answer of this status. */
const HEADERS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  '202': { Location: { schema: TEXT, description: 'Where to ask.' } },
  '401': { 'WWW-Authenticate': { schema: TEXT, required: true, description: 'Bearer.' } },
  '429': { 'Retry-After': RETRY_AFTER },
  '503': { 'Retry-After': RETRY_AFTER },
};

function operationOf({ path, document }: Route, hasKeys: boolean): OpenApiOperation {
  const responses: Record<string, OpenApiResponse> = {};
  const isKeyed = hasKeys && document.access !== 'open';
  const answers = isKeyed ? { ...document.answers, ...keyAnswers(document) } : document.answers;
  for (const [status, answer] of Object.entries(answers)) {
    responses[status] = responseOf(answer, status);
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
        return { name, in: place, required: isInPath, ...parameterOf(what, PARAMETER) };
      }),
      ...Object.entries(document.headers ?? {}).map(([name, what]) => {
        return { name, in: 'header', required: false, ...parameterOf(what, TEXT) };
      }),
    ],
    ...(isKeyed ? { security: [{ [KEY]: [] }] } : {}),
    ...(schema === undefined
      ? {}
      : {
          requestBody: {
            required: document.isBodyOptional !== true,
            content: { 'application/json': { schema: refTo(schema), example } },
          },
        }),
    responses: {
      ...responses,
      default: responseOf(PROBLEM, 'default'),
    },
  };
}

const KEY = 'apiKey';
const KEY_WORDS = 'An API key (gzl_…), or a token of an issuer that this server trusts (JWT).';
const KEY_SCHEME = { type: 'http', scheme: 'bearer', description: KEY_WORDS };

function keyAnswers({ access, answers }: RouteDocument): RouteDocument['answers'] {
  const scope = `FORBIDDEN: the key lacks the scope ${access}.`;
  const before = answers[403] === undefined ? '' : `${answers[403].description} `;
  return {
    401: { description: 'UNAUTHENTICATED: no API key, or none that is let in.', ...PROBLEM_ANSWER },
    403: { description: `${before}${scope}`, ...PROBLEM_ANSWER },
    429: answers[429] ?? { description: 'RATE_LIMITED, with Retry-After.', ...PROBLEM_ANSWER },
  };
}

const PROBLEM: AnswerDocument = { description: 'A problem.', ...PROBLEM_ANSWER };

function responseOf(answer: AnswerDocument, status: string): OpenApiResponse {
  const { description, schema, mediaType = 'application/json', links } = answer;
  const problem = { [PROBLEM_MEDIA_TYPE]: { schema: refTo('Problem') } };
  const content = {
    [mediaType]: schema === undefined ? {} : { schema: refTo(schema) },
    ...(answer.orProblem === true ? problem : {}),
  };
  return {
    description,
    headers: { 'X-Request-Id': OWN_REQUEST_ID, ...HEADERS[status] },
    ...(answer.isEmpty === true ? {} : { content }),
    ...(links === undefined ? {} : { links: linksOf(links) }),
  };
}

function linksOf(links: NonNullable<AnswerDocument['links']>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(links).map(([operationId, parameters]) => [
      operationId,
      { operationId, parameters },
    ]),
  );
}

function parameterOf(
  what: string | ParameterDocument,
  schema: ParameterDocument['schema'],
): ParameterDocument {
  return typeof what === 'string' ? { description: what, schema } : what;
}

function refTo(name: string): { readonly $ref: string } {
  return { $ref: `#/components/schemas/${name}` };
}
