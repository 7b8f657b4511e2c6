/** One example of a page: a shell block, and the block after it that shows what it answers. */
export interface Example {
  readonly line: number;
  readonly command: string;
  readonly answer: { readonly kind: 'json' | 'text'; readonly text: string } | null;
}

const FENCE = /^```(\w*)\n([\s\S]*?)^```$/gm;

/** All ```sh blocks of a page; a ```json or ```text block right after one is its answer. */
export function examplesOf(page: string): readonly Example[] {
  const blocks = [...page.matchAll(FENCE)].map((match) => ({
    language: match[1] ?? '',
    text: match[2] ?? '',
    line: page.slice(0, match.index).split('\n').length,
  }));
  return blocks.flatMap(({ language, text, line }, at) => {
    if (language !== 'sh') return [];
    const next = blocks[at + 1];
    return [{ line, command: text.trim(), answer: answerOf(next?.language, next?.text ?? '') }];
  });
}

function answerOf(language: string | undefined, text: string): Example['answer'] {
  if (language !== 'json' && language !== 'text') return null;
  return { kind: language, text: text.trimEnd() };
}

/** Members that differ from run to run: their type is compared, not their value. */
const VARYING = new Set([
  'id',
  'request_id',
  'created_at',
  'time_ms',
  'cpu_time_ms',
  'memory_kb',
  'queue_ms',
  'prepare_ms',
  'compile_ms',
  'run_ms',
  'total_ms',
  'version',
  // True where the server was idle for a moment before.
  'prepared',
]);

/**
 * A JSON answer with what varies replaced by its type. The limits of a record stay as they are:
 * they share names with what is measured, and don't vary.
 */
export function withoutVarying(value: unknown, key = '', inLimits = false): unknown {
  if (Array.isArray(value)) return value.map((each) => withoutVarying(each, '', inLimits));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [
        name,
        withoutVarying(member, name, inLimits || name === 'limits'),
      ]),
    );
  }
  return VARYING.has(key) && !inLimits ? `<${typeof value}>` : value;
}
