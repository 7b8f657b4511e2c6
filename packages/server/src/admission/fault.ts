import type { FieldError, ProblemCode, Refusal } from '@gozolite/contract/refusal';

/** One offending member of a request. */
export interface Fault extends FieldError {
  readonly code: ProblemCode;
}

/** More would tell the caller nothing, and a hostile request can hold a million. */
const FAULTS_TOLD_MAX = 16;

/** What makes the whole request malformed outranks what is wrong with one value. */
const FIRST: readonly ProblemCode[] = [
  'BODY_TOO_LARGE',
  'UNKNOWN_FIELD',
  'BAD_REQUEST',
  'FORBIDDEN',
];

/** One refusal for all faults of a request; there must be at least one. */
export function refusalOf(faults: readonly Fault[]): Refusal {
  const code =
    FIRST.find((each) => faults.some((fault) => fault.code === each)) ??
    faults[0]?.code ??
    'BAD_REQUEST';
  const told = faults.slice(0, FAULTS_TOLD_MAX);
  const leading = told.find((fault) => fault.code === code) ?? told[0];
  const more = faults.length - 1;
  const where = leading === undefined || leading.pointer === '' ? '' : `${leading.pointer}: `;
  return {
    code,
    detail: `${where}${leading?.detail ?? ''}${more > 0 ? ` (and ${more} more)` : ''}`,
    errors: told,
  };
}

/** A JSON pointer (RFC 6901) from its reference tokens. */
export function pointer(...tokens: readonly (string | number)[]): string {
  return tokens
    .map((token) => `/${String(token).slice(0, 128).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}
