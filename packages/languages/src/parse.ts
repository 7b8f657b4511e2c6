import { ok, type Result, refuse } from '@gozolite/contract/result';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { type Document, isNode, isPair, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { faultsOf } from './file/check.js';
import type { Fault } from './file/fault.js';
import { nearestNames } from './names/nearest.js';
import { LanguageFile } from './schema.js';

export interface LanguageProblem {
  readonly file: string;
  /** 1 is the first; 0 where no line is to blame. */
  readonly line: number;
  readonly message: string;
}

export type Validator = ValidateFunction<LanguageFile>;

/** Compiles the schema: some milliseconds, so once for many files. */
export function languageValidator(): Validator {
  // verbose: an error then carries its schema, and with it the keys that are known there.
  return new Ajv({ allErrors: true, strict: false, verbose: true }).compile(LanguageFile);
}

/** One line for people: `languages/x.yaml:7: …`. */
export function describeProblem({ file, line, message }: LanguageProblem): string {
  return line > 0 ? `${file}:${line}: ${message}` : `${file}: ${message}`;
}

/** @param path only named in the problems */
export function parseLanguage(
  content: string,
  path: string,
  validate: Validator,
): Result<LanguageFile, LanguageProblem[]> {
  return parseDescribed(content, path, { validate, faultsOf });
}

/** What makes a file a good one: a schema, compiled verbosely, and what that can't say. */
export interface Description<File> {
  readonly validate: ValidateFunction<File>;
  readonly faultsOf: (file: File) => readonly Fault[];
}

/** A YAML file of people's, or each thing that is wrong with it, with its line. */
export function parseDescribed<File>(
  content: string,
  path: string,
  { validate, faultsOf }: Description<File>,
): Result<File, LanguageProblem[]> {
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    return refuse(
      document.errors.map(({ pos, message }) => ({
        file: path,
        line: lines.linePos(pos[0]).line,
        message: `no valid YAML: ${message}`,
      })),
    );
  }
  const data: unknown = document.toJS();
  const isShaped = validate(data);
  const faults = isShaped
    ? faultsOf(data)
    : (validate.errors ?? []).flatMap((error) => faultOfError(error));
  if (faults.length === 0 && isShaped) return ok(data);
  return refuse(
    faults.map((fault) => ({
      file: path,
      line: lineOf(document, lines, fault.path),
      message: `${fault.path.join('.') || 'the file'}: ${fault.message}`,
    })),
  );
}

function faultOfError(error: ErrorObject): Fault[] {
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  switch (error.keyword) {
    case 'additionalProperties': {
      const key = String(error.params.additionalProperty);
      const known = Object.keys(knownKeys(error));
      const [nearest] = nearestNames(key, known);
      const hint = nearest ? `did you mean ${nearest}?` : `known are ${known.join(', ')}`;
      return [{ path: [...path, key], message: `unknown key; ${hint}` }];
    }
    case 'anyOf': // Lists of constants: the constants themselves are reported.
      return [{ path, message: 'is none of the values that are allowed' }];
    case 'const':
      return [];
    default:
      return [{ path, message: error.message ?? error.keyword }];
  }
}

function knownKeys(error: ErrorObject): object {
  const { properties, patternProperties } = error.parentSchema ?? {};
  return properties ?? patternProperties ?? {};
}

/** The line of the node at a path, or of the nearest one above it that exists. */
function lineOf(document: Document, lines: LineCounter, path: Fault['path']): number {
  for (let length = path.length; length > 0; length -= 1) {
    const offset = offsetOf(document, path.slice(0, length));
    if (offset !== undefined) return lines.linePos(offset).line;
  }
  return 1;
}

function offsetOf(document: Document, path: Fault['path']): number | undefined {
  const wanted = path.join('\n');
  let found: number | undefined;
  visit(document, {
    Pair(_, pair, above) {
      const keys = [...above.filter(isPair).map((one) => String(one.key)), String(pair.key)];
      if (found === undefined && keys.join('\n') === wanted && isScalar(pair.key)) {
        found = pair.key.range?.[0];
      }
    },
  });
  if (found !== undefined) return found;
  const node = document.getIn(path, true);
  return isNode(node) ? node.range?.[0] : undefined;
}
