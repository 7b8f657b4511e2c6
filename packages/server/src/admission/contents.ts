import { type ExecuteRequest, REQUEST_BOUNDS } from '@gozolite/contract/execution';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import type { WorkspaceFile } from '@gozolite/sandbox/backend';
import { type Fault, pointer } from './fault.js';
import { collisions, pathFault } from './paths.js';
import { decodeText, surrogateFault } from './text.js';

/** What a request brings into the sandbox, as bytes. */
export interface Contents {
  /** A `code` has no path yet: which one is the recipe's to say. */
  readonly program:
    | { readonly kind: 'code'; readonly content: Buffer }
    | {
        readonly kind: 'files';
        readonly files: readonly WorkspaceFile[];
        readonly entry: string;
      };
  readonly stdin: Buffer;
}

export function readContents(request: ExecuteRequest): Result<Contents, readonly Fault[]> {
  const stdin = decodeText(request.stdin ?? '', request.stdin_encoding);
  const program = readProgram(request);
  const faults: Fault[] = [];
  if (!stdin.ok) faults.push(invalid(pointer('stdin'), stdin.error));
  if (!program.ok) faults.push(...program.error);
  if (!stdin.ok || !program.ok) return refuse(faults);
  const bytes = stdin.value.length + programBytes(program.value);
  if (bytes > REQUEST_BOUNDS.contentBytesMax) {
    const ceiling = REQUEST_BOUNDS.contentBytesMax;
    const detail = `Files and stdin are ${bytes} bytes decoded, above the ceiling of ${ceiling}.`;
    return refuse([{ pointer: '', code: 'BODY_TOO_LARGE', detail }]);
  }
  return ok({ program: program.value, stdin: stdin.value });
}

type Program = Contents['program'];

function readProgram(request: ExecuteRequest): Result<Program, readonly Fault[]> {
  if ((request.code === undefined) === (request.files === undefined)) {
    const detail = `Exactly one of code and files is needed, and there ${
      request.code === undefined ? 'is neither' : 'are both'
    }.`;
    return refuse([{ pointer: '', code: 'BAD_REQUEST', detail }]);
  }
  if (request.files !== undefined) return readFiles(request.files, request.entry);
  if (request.entry !== undefined) {
    const detail = 'An entry names one of files; there is only code.';
    return refuse([{ pointer: pointer('entry'), code: 'BAD_REQUEST', detail }]);
  }
  const content = decodeText(request.code ?? '');
  if (!content.ok) return refuse([invalid(pointer('code'), content.error)]);
  return ok({ kind: 'code', content: content.value });
}

function readFiles(
  sources: NonNullable<ExecuteRequest['files']>,
  entry: string | undefined,
): Result<Program, readonly Fault[]> {
  const faults: Fault[] = [];
  const files: WorkspaceFile[] = [];
  for (const [index, { path, content, encoding, executable }] of sources.entries()) {
    const fault = pathFault(path) ?? surrogateFault(path);
    if (fault !== undefined) faults.push(invalid(pointer('files', index, 'path'), fault));
    const bytes = decodeText(content, encoding);
    if (bytes.ok) files.push({ path, content: bytes.value, executable: executable ?? false });
    else faults.push(invalid(pointer('files', index, 'content'), bytes.error));
  }
  for (const [index, detail] of collisions(sources.map(({ path }) => path))) {
    faults.push(invalid(pointer('files', index, 'path'), detail));
  }
  const chosen = entry ?? sources[0]?.path ?? '';
  if (!sources.some(({ path }) => path === chosen)) {
    faults.push(invalid(pointer('entry'), 'It is not the path of one of files.'));
  }
  return faults.length === 0 ? ok({ kind: 'files', files, entry: chosen }) : refuse(faults);
}

function programBytes(program: Program): number {
  if (program.kind === 'code') return program.content.length;
  return program.files.reduce((sum, { content }) => sum + content.length, 0);
}

function invalid(at: string, detail: string): Fault {
  return { pointer: at, code: 'INVALID_VALUE', detail };
}
