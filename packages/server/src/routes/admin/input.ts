import type { Refusal } from '@gozolite/contract/refusal';
import { type Result, refuse } from '@gozolite/contract/result';
import type { Static, TSchema } from 'typebox';
import { parseBody } from '../../admission/body.js';
import { refusalOf } from '../../admission/fault.js';
import { createFormCheck } from '../../admission/shape.js';

const NOTHING = Buffer.from('{}');

/** Reads a small body by its schema; one that is not there is an empty object. */
export function bodyReader<Schema extends TSchema>(
  schema: Schema,
): (body: Buffer) => Result<Static<Schema>, Refusal> {
  const hasForm = createFormCheck(schema);
  return (bytes) => {
    const body = parseBody(bytes.length === 0 ? NOTHING : bytes);
    if (!body.ok) return body;
    const formed = hasForm(body.value);
    return formed.ok ? formed : refuse(refusalOf(formed.error));
  };
}
