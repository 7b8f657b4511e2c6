import { ExecuteRequest } from '@gozolite/contract/execution';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import { Ajv, type ErrorObject } from 'ajv';
import type { Static, TSchema } from 'typebox';
import type { Fault } from './fault.js';
import { pointer } from './fault.js';

export type ShapeCheck = (body: unknown) => Result<ExecuteRequest, readonly Fault[]>;

/** Compiles the contract's schema once; the check itself takes microseconds. */
export function createShapeCheck(): ShapeCheck {
  const hasForm = createFormCheck(ExecuteRequest);
  return (body) => {
    const formed = hasForm(body);
    if (!formed.ok) return formed;
    const { env, labels } = formed.value;
    const faults = [...textFaults('env', env), ...textFaults('labels', labels)];
    return faults.length === 0 ? formed : refuse(faults);
  };
}

/** Of any schema of the contract, with every fault named by its pointer. */
export function createFormCheck<Schema extends TSchema>(
  schema: Schema,
): (body: unknown) => Result<Static<Schema>, readonly Fault[]> {
  const ajv = new Ajv({ allErrors: true, verbose: true, strict: false, validateFormats: false });
  const matches = ajv.compile<Static<Schema>>(schema);
  return (body) => (matches(body) ? ok(body) : refuse(faultsOf(matches.errors ?? [])));
}

/** A record's schema says `^.*$` of its names, where `.` is no line break: those slip through. */
function textFaults(member: string, record: Readonly<Record<string, unknown>> = {}): Fault[] {
  return Object.entries(record)
    .filter(([, value]) => typeof value !== 'string')
    .map(([name, value]) => ({ pointer: pointer(member, name), ...typeFault('string', value) }));
}

function faultsOf(errors: readonly ErrorObject[]): readonly Fault[] {
  const faults: Fault[] = [];
  for (const error of errors) {
    // Each alternative of a union complains too, below its `anyOf`: that one is enough.
    if (error.schemaPath.includes('/anyOf/') && !isOfTheObject(error, errors)) continue;
    // Where an object was meant, its own faults say more than that it is none of the others.
    if (error.keyword === 'anyOf' && objectAmong(error) !== undefined) continue;
    faults.push(faultOf(error));
  }
  return faults;
}

/** The place of the alternative that is an object, where an object was given. */
function objectAmong({ schema, data }: ErrorObject): number | undefined {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return undefined;
  const at = alternativesOf(schema).findIndex(({ type }) => type === 'object');
  return at < 0 ? undefined : at;
}

function isOfTheObject(error: ErrorObject, errors: readonly ErrorObject[]): boolean {
  return errors.some(
    (union) =>
      union.keyword === 'anyOf' &&
      error.schemaPath.startsWith(`${union.schemaPath}/${objectAmong(union)}/`),
  );
}

function faultOf(error: ErrorObject): Fault {
  const at = error.instancePath;
  switch (error.keyword) {
    case 'additionalProperties': {
      const known = Object.keys(error.parentSchema?.properties ?? {}).join(', ');
      return {
        pointer: at + pointer(String(error.params.additionalProperty)),
        code: 'UNKNOWN_FIELD',
        detail: `There is no such field; there are ${known}.`,
      };
    }
    case 'required':
      return {
        pointer: at + pointer(String(error.params.missingProperty)),
        code: 'BAD_REQUEST',
        detail: 'This field is required.',
      };
    case 'type':
      return { pointer: at, ...typeFault(String(error.params.type), error.data) };
    case 'anyOf':
      return { pointer: at, ...choiceFault(choicesOf(error.schema), error.data) };
    case 'const':
      return { pointer: at, ...choiceFault([error.schema], error.data) };
    case 'pattern': {
      const { description = `of the pattern ${error.schema}` } = error.parentSchema ?? {};
      return { pointer: at, code: 'INVALID_VALUE', detail: `It has to be: ${description}` };
    }
    default:
      return { pointer: at, code: 'INVALID_VALUE', detail: `It ${error.message ?? 'is wrong'}.` };
  }
}

type Judged = Pick<Fault, 'code' | 'detail'>;

function typeFault(wanted: string, data: unknown): Judged {
  return wanted === 'integer' && typeof data === 'number'
    ? { code: 'INVALID_VALUE', detail: 'It must be a whole number.' }
    : {
        code: 'BAD_REQUEST',
        detail: `It must be ${/^[aeio]/.test(wanted) ? 'an' : 'a'} ${wanted}.`,
      };
}

function choiceFault(choices: readonly unknown[], data: unknown): Judged {
  return {
    code: typeof data === 'string' ? 'INVALID_VALUE' : 'BAD_REQUEST',
    detail: `It must be ${choices.map(choiceName).join(' or ')}.`,
  };
}

function choiceName(choice: unknown): string {
  return typeof choice === 'string' ? JSON.stringify(choice) : 'an object';
}

interface Alternative {
  readonly const?: unknown;
  readonly type?: unknown;
}

function choicesOf(schema: unknown): readonly unknown[] {
  return alternativesOf(schema).map((each) => each.const);
}

function alternativesOf(schema: unknown): readonly Alternative[] {
  return Array.isArray(schema) ? schema : [];
}
