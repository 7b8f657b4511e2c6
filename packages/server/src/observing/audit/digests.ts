import { hash } from 'node:crypto';
import type { Artifact, Execution, StageResult } from '@gozolite/contract/execution';
import type { Admitted } from '@gozolite/engine/admitted';

/** SHA-256, hex. How a client makes the same: docs/reference/service/audit.md. */
export type Digests = Readonly<Record<string, string>>;

/** Of what is asked for: program, standard input, and arguments with environment. */
export function digestsOfRequest({ files, stdin, args, compileArgs, env }: Admitted): Digests {
  return {
    code: digestOfFiles(files.map(({ path, content }) => ({ path, digest: sha256(content) }))),
    stdin: sha256(stdin),
    arguments: digestOfWords({ args, compileArgs, env }),
  };
}

function digestOfWords({ args, compileArgs, env }: Words): string {
  const inOrder = Object.entries(env).sort(([left], [right]) => (left < right ? -1 : 1));
  const hasNone = args.length + compileArgs.length + inOrder.length === 0;
  const words = { args, compile_args: compileArgs, env: Object.fromEntries(inOrder) };
  return hasNone ? OF_NO_WORDS : sha256(JSON.stringify(words));
}

type Words = Pick<Admitted, 'args' | 'compileArgs' | 'env'>;

const OF_NO_WORDS = hash('sha256', '{"args":[],"compile_args":[],"env":{}}', 'hex');

/** Of what came out, as the record has it. */
export function digestsOfRecord(execution: Execution): Digests {
  const { compile, artifacts } = execution;
  return {
    ...streams('', execution),
    ...(compile === undefined ? {} : streams('compile_', compile)),
    ...(artifacts === undefined ? {} : { artifacts: digestOfFiles(artifacts.map(named)) }),
  };
}

function streams(prefix: string, result: StageResult): Digests {
  const { stdout, stderr, stdout_encoding: out, stderr_encoding: err } = result;
  return {
    [`${prefix}stdout`]: sha256(bytesOf(stdout, out)),
    [`${prefix}stderr`]: sha256(bytesOf(stderr, err)),
  };
}

/** A text is hashed as UTF-8. */
function bytesOf(text: string, encoding: 'base64' | undefined): Uint8Array | string {
  return encoding === undefined ? text : Buffer.from(text, encoding);
}

interface Named {
  readonly path: string;
  readonly digest: string;
}

function named({ path, content, encoding }: Artifact): Named {
  return { path, digest: sha256(Buffer.from(content, encoding)) };
}

/** One file's own; of several that of what `sha256sum` says of them, sorted by path. */
export function digestOfFiles(files: readonly Named[]): string {
  const [only] = files;
  if (files.length === 1 && only !== undefined) return only.digest;
  const sorted = files.toSorted((left, right) =>
    Buffer.compare(Buffer.from(left.path), Buffer.from(right.path)),
  );
  return sha256(sorted.map(({ path, digest }) => `${digest}  ${path}\n`).join(''));
}

function sha256(bytes: Uint8Array | string): string {
  return bytes.length === 0 ? OF_NOTHING : hash('sha256', bytes, 'hex');
}

/** Most programs have neither input nor errors. */
const OF_NOTHING = hash('sha256', '', 'hex');
