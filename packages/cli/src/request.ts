import { isUtf8 } from 'node:buffer';
import type { ExecuteRequest } from '@gozolite/contract/execution';
import type { Limits } from '@gozolite/contract/limits';

/** A file as it was read, with the path that the program will find it at. */
export interface ProgramFile {
  readonly path: string;
  readonly content: Buffer;
  readonly executable: boolean;
}

export interface RunInput {
  readonly language: string;
  /** The first is the entry; or one program without a file name. */
  readonly program: { readonly files: readonly ProgramFile[] } | { readonly code: string };
  readonly stdin: Buffer | undefined;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly limits: Partial<Limits>;
  readonly compileArgs: readonly string[];
  readonly compileLimits: Partial<Limits>;
  readonly artifacts: readonly string[];
  /** Empty: nothing is asked for. */
  readonly network: readonly string[];
  readonly data: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** The request for what was typed: only what differs from the server's defaults. */
export function requestOf(input: RunInput): ExecuteRequest {
  const { args, env, limits, artifacts, labels, network, data } = input;
  const compile = {
    ...(input.compileArgs.length === 0 ? {} : { args: [...input.compileArgs] }),
    ...(isEmpty(input.compileLimits) ? {} : { limits: input.compileLimits }),
  };
  return {
    language: input.language,
    ...programOf(input.program),
    ...stdinOf(input.stdin),
    ...(args.length === 0 ? {} : { args: [...args] }),
    ...(isEmpty(env) ? {} : { env }),
    ...(isEmpty(limits) ? {} : { limits }),
    ...(isEmpty(compile) ? {} : { compile }),
    ...(artifacts.length === 0 ? {} : { artifacts: [...artifacts] }),
    ...(isEmpty(labels) ? {} : { labels }),
    ...(network.length === 0 ? {} : { network: { allow: [...network] } }),
    ...(data.length === 0 ? {} : { data: [...data] }),
  };
}

function programOf(program: RunInput['program']): Pick<ExecuteRequest, 'code' | 'files'> {
  if ('code' in program) return { code: program.code };
  return {
    files: program.files.map(({ path, content, executable }) => ({
      path,
      ...encode(content),
      ...(executable ? { executable } : {}),
    })),
  };
}

function stdinOf(stdin: Buffer | undefined): Pick<ExecuteRequest, 'stdin' | 'stdin_encoding'> {
  if (stdin === undefined) return {};
  const { content, encoding } = encode(stdin);
  return { stdin: content, ...(encoding === undefined ? {} : { stdin_encoding: encoding }) };
}

function encode(bytes: Buffer): { content: string; encoding?: 'base64' } {
  return isUtf8(bytes)
    ? { content: bytes.toString('utf8') }
    : { content: bytes.toString('base64'), encoding: 'base64' };
}

function isEmpty(record: object): boolean {
  return Object.keys(record).length === 0;
}
