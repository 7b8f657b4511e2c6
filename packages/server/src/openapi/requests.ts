import { REQUEST_BOUNDS } from '@gozolite/contract/execution';
import { KEPT_BOUNDS } from '@gozolite/contract/kept/kept';
import {
  LIMIT_FLOORS,
  LIMIT_NAMES,
  type LimitPolicy,
  type Limits,
} from '@gozolite/contract/limits';
import { NO_NUL } from '@gozolite/contract/text';
import { type TSchema, Type } from 'typebox';

/** Neither `code` and `files` together nor none of them, and an entry only among files. */
const ONE_PROGRAM = [
  { required: ['code'], properties: { files: false, entry: false } },
  { required: ['files'], properties: { code: false } },
];

/** What the kernel can't take as a name, and what no object is to have. */
const ENV_NAME = '^(?!__proto__$)[A-Za-z_][A-Za-z0-9_]*$';
const NAME = '^(?!__proto__$)';

/**
 * The request as it is for this server: the contract's members with what else is checked, as far as
 * JSON Schema can say it. What can't be (that an entry is one of the files) is 422.
 */
export function requestSchema(
  { run, compile }: LimitPolicy,
  properties: Readonly<Record<string, TSchema>>,
): TSchema {
  const args = Type.Array(Type.String({ pattern: NO_NUL }));
  return Object.assign(
    Type.Object(
      {
        ...properties,
        args: Type.Optional(args),
        env: Type.Optional(
          Type.Unsafe({
            type: 'object',
            additionalProperties: { type: 'string', pattern: NO_NUL },
            propertyNames: { pattern: ENV_NAME },
          }),
        ),
        labels: Type.Optional(
          Type.Unsafe({
            type: 'object',
            additionalProperties: { type: 'string' },
            propertyNames: { pattern: NAME },
            maxProperties: REQUEST_BOUNDS.labelsMax,
          }),
        ),
        limits: Type.Optional(limitsUpTo(run.ceilings)),
        compile: Type.Optional(
          Type.Object(
            {
              args: Type.Optional(args),
              limits: Type.Optional(limitsUpTo(compile.ceilings)),
            },
            { additionalProperties: false },
          ),
        ),
      },
      { additionalProperties: false },
    ),
    { oneOf: ONE_PROGRAM },
  );
}

function limitsUpTo(ceilings: Limits): TSchema {
  const bounded = LIMIT_NAMES.map((name) => {
    const bounds = { minimum: LIMIT_FLOORS[name], maximum: ceilings[name] };
    return [name, Type.Optional(Type.Integer(bounds))];
  });
  return Type.Object(Object.fromEntries(bounded), { additionalProperties: false });
}

/** Any value of JSON that is taken in at all. */
export function anySchema(any: object): object {
  return {
    anyOf: [
      { type: ['string', 'number', 'boolean', 'null'] },
      { type: 'array', items: any },
      {
        type: 'object',
        propertyNames: { pattern: '^(?!(__proto__|constructor|prototype)$)' },
        additionalProperties: any,
      },
    ],
  };
}

/** Each member is judged by itself: one that is no request is answered by its problem. */
export function batchSchema(request: object, any: object): object {
  return {
    type: 'object',
    required: ['executions'],
    additionalProperties: false,
    properties: {
      executions: {
        type: 'array',
        minItems: 1,
        maxItems: KEPT_BOUNDS.batchMax,
        items: {
          description: 'What is no such request is answered by a problem in its place.',
          anyOf: [request, any],
        },
      },
    },
  };
}
