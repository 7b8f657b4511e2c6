import { parse } from 'yaml';

/** What a new file is made from. */
export interface Scaffold {
  readonly id: string;
  readonly name: string;
  /** With the dot. */
  readonly extension: string;
  /** The interpreter or compiler, below /usr. */
  readonly tool: string;
  /** The Debian package that it belongs to, if that is known. */
  readonly debian: string | undefined;
  readonly isCompiled: boolean;
  /** The first line: docs/reference/languages.md. */
  readonly hint: string | undefined;
}

/**
 * A language file that is good as it stands; what has to be written stands in capitals, and until
 * then its programs don't do what they should.
 */
export function scaffold(plan: Scaffold): string {
  const { id, name, extension, tool, debian, isCompiled, hint } = plan;
  const head = hint === undefined ? '' : `${hint}\n`;
  return `${head}# docs/guides/add-a-language.md goes through one.
id: ${quoted(id)}
name: ${quoted(name)}
aliases: []
extensions: [${quoted(extension)}]
source: ${quoted(`main${extension}`)}
toolchain:
  candidates: # Best first, always below /usr.
    - tool: ${quoted(tool)}
  # Run in a sandbox; group 1 of the pattern is the version.
  version: { command: ['{tool}', --version], pattern: '(\\d+(?:\\.\\d+)+)' }
packages: { debian: [${debian ?? id}] }${debian === undefined ? ' # WHICH PACKAGE HAS IT?' : ''}
${isCompiled ? COMPILED : INTERPRETED}template: |
  THE FIRST PROGRAM THAT ONE SEES: IT READS A NAME AND GREETS
notes: WHAT PASTED PROGRAMS CAN RELY ON
smokes: # \`depth: core\` wants eleven more: docs/reference/languages.md.
  hello:
    code: |
      PRINT Hello, world!
  stdin:
    code: |
      PRINT THE SUM OF THE LINES OF STANDARD INPUT
  syntax_error:
    code: |
      WHAT IS NO PROGRAM
${isCompiled ? COMPILED_ERRORS : INTERPRETED_ERRORS}
  endless_loop:
    code: |
      A LOOP WITHOUT AN END
    limits: { cpu_time_ms: 500 }
    expect: { status: time_limit_exceeded, limit: cpu_time_ms }
  memory_hog:
    code: |
      A LOOP THAT KEEPS EVER MORE
    limits: { memory_kb: 65536 }
    expect: { status: memory_limit_exceeded, limit: memory_kb }
`;
}

/** Plain where YAML reads it as it stands. */
function quoted(text: string): string {
  const isPlain = /^[A-Za-z./][\w+./-]*( [\w+./-]+)*$/.test(text);
  return isPlain && parse(text) === text ? text : JSON.stringify(text);
}

const INTERPRETED = `run:
  # The request's arguments last: {args}. No shell comes between.
  command: ['{tool}', '{entry}', '{args}']
`;

const COMPILED = `compile:
  # The request's compile.args last, so that they win.
  command: ['{tool}', -o, a.out, '{entry}', '{args}']
run:
  command: [/work/a.out, '{args}']
`;

const INTERPRETED_ERRORS = `    expect:
      { status: runtime_error, stage: run, stderr_pattern: SYNTAX }
  uncaught_error:
    code: |
      PRINT before, THEN FAIL WITH boom
    expect: { status: runtime_error, stdout: "before\\n", stderr_pattern: boom }`;

const COMPILED_ERRORS = `    expect:
      { status: compile_error, stage: compile, compile_pattern: SYNTAX }
  uncaught_error:
    code: |
      PRINT before, THEN FAIL WITH boom
    expect: { status: runtime_error, stage: run, stderr_pattern: boom }`;
