import assert from 'node:assert/strict';
import { test } from 'vitest';
import { stringify } from 'yaml';
import { demoLanguage } from './demo-language.js';
import { describeProblem, languageValidator, parseLanguage } from './parse.js';

const validator = languageValidator();
const good = stringify(demoLanguage());

function problemsOf(content: string): readonly string[] {
  const parsed = parseLanguage(content, 'demo.yaml', validator);
  return parsed.ok ? [] : parsed.error.map(describeProblem);
}

test('a good file is read as it stands', () => {
  const parsed = parseLanguage(good, 'demo.yaml', validator);
  assert.deepEqual(parsed, { ok: true, value: demoLanguage() });
});

const UNCAUGHT_ERROR = `  uncaught_error:
    code: boom
    expect:
      status: runtime_error
not_applicable:
`;

/** The problem of a good file in which one text is replaced by another; `@` is its line. */
const rows = [
  ['broken YAML', 'name: Demo', 'name: [', /^demo\.yaml:\d+: no valid YAML: /],
  ['an unknown key', 'name: Demo', 'nmae: Demo', /^@: nmae: unknown key; did you mean name\?/],
  [
    'a missing key',
    'name: Demo\n',
    '',
    /^demo\.yaml:1: the file: must have required property 'name'/,
  ],
  [
    'an unknown key below',
    '  command:\n    - "{tool}"\n    - "{entry}"',
    '  comand:\n    - "{tool}"\n    - "{entry}"',
    /^demo\.yaml:\d+: run\.comand: unknown key; did you mean command/,
  ],
  ['a wrong type', 'aliases:\n  - dm', 'aliases: dm', /^@: aliases: must be array/],
  [
    'a relative program',
    '    - "{tool}"\n    - "{entry}"',
    '    - demo\n    - "{entry}"',
    /run\.command\.0: the program must be absolute or one of \{tool\}/,
  ],
  [
    'an unknown placeholder',
    '"{entry}"',
    '"{enty}"',
    /^@: run\.command\.1: unknown placeholder \{enty\}/,
  ],
  [
    'an unknown placeholder in what is made once',
    'template:',
    'cache: { command: ["{tool}", "{entry}"], script: x }\ntemplate:',
    /^@: cache\.command\.1: unknown placeholder \{entry\}; known are tool, script/,
  ],
  ['a home directory', '/usr/bin/demo', '/home/x/demo', /^@: .*\/home\/x\/demo is not under \/usr/],
  ['no group', 'demo (\\S+)', 'demo', /^@: toolchain\.version\.pattern: needs a group/],
  [
    'no expression',
    'demo (\\S+)',
    'demo (',
    /^@: toolchain\.version\.pattern: no regular expression/,
  ],
  ['a smoke too few', '  stdin: a demo\n', '', /smokes: no smoke program stdin, nor a reason/],
  [
    'a strange excuse',
    '  stdin: a demo',
    '  stdni: a demo',
    /^@: not_applicable\.stdni: stdni is no smoke/,
  ],
  [
    'a smoke without code',
    '    code: hello\n',
    '',
    /^demo\.yaml:\d+: smokes\.hello: needs either code or files/,
  ],
  [
    'a diagnostic without words',
    'template: ',
    'diagnostics: [{ pattern: "(?<line>x)" }]\ntemplate: ',
    /^demo\.yaml:\d+: diagnostics\.0: needs a group \(\?<message>…\)/,
  ],
  [
    'a diagnostic with a strange group',
    'template: ',
    'diagnostics: [{ pattern: "(?<message>x)", next: ["(?<row>y)"] }]\ntemplate: ',
    /diagnostics\.0\.next\.0: unknown group row; known are severity, /,
  ],
  [
    'a diagnostic that looks ahead',
    'template: ',
    'diagnostics: [{ pattern: "(?<message>x)(?=y)" }]\ntemplate: ',
    /diagnostics\.0\.pattern: no pattern: an assertion at character 15 of /,
  ],
  [
    'an excuse for hello',
    '  stdin: a demo',
    '  stdin: a demo\n  hello: no words',
    /not_applicable\.hello: there is a smoke hello/,
  ],
  [
    'both errors excused',
    UNCAUGHT_ERROR,
    '  other: { code: x, expect: { status: ok } }\nnot_applicable:\n  uncaught_error: never\n',
    /not_applicable\.uncaught_error: a language fails in one way or the other/,
  ],
  [
    'no expectation where none is standard',
    '    code: boom\n    expect:\n      status: runtime_error\n',
    '    code: boom\n',
    /smokes\.uncaught_error: needs expect: only hello, /,
  ],
  [
    'two standard inputs',
    '    code: boom',
    '    code: boom\n    stdin: a\n    stdin_repeat: { text: b, times: 2 }',
    /smokes\.uncaught_error: needs either stdin or stdin_repeat/,
  ],
  [
    'an input without end',
    '    code: boom',
    '    code: boom\n    stdin_repeat: { text: "12", times: 10000000 }',
    /smokes\.uncaught_error\.stdin_repeat: is more than 16777216 bytes/,
  ],
  [
    'a complete language without all programs',
    'not_applicable:\n',
    'depth: core\nnot_applicable:\n',
    /smokes: no smoke program threads, nor a reason in not_applicable/,
  ],
  [
    'an unknown status',
    'status: ok',
    'status: fine',
    /^@: smokes\.hello\.expect\.status: is none of/,
  ],
  [
    'an unknown limit',
    'status: ok',
    'status: ok\n      limit: time',
    /expect\.limit: time is no limit/,
  ],
] as const;
for (const [name, text, replacement, says] of rows) {
  test(`${name} is refused at its line`, () => {
    assert.ok(good.includes(text), `the example has ${text}`);
    const changed = good.replace(text, replacement);
    const line = good.slice(0, good.indexOf(text)).split('\n').length;
    const problems = problemsOf(changed);
    const pattern = new RegExp(says.source.replace('@', `demo\\.yaml:${line}`));
    assert.ok(
      problems.some((problem) => pattern.test(problem)),
      `${pattern} in ${problems.join('\n')}`,
    );
  });
}

test('what is no mapping is refused', () => {
  assert.match(problemsOf('- a\n').join(), /^demo\.yaml:1: the file: must be object/);
  assert.match(problemsOf('').join(), /^demo\.yaml:1: the file: must be object/);
});

test('a complete language exits with 7 and reads what is not ASCII', () => {
  const smoke = (change: object) => ({ code: 'x', expect: { status: 'ok' }, ...change });
  const exit = { status: 'runtime_error', exit_code: 1 };
  const file = { ...demoLanguage(), depth: 'core' };
  const core = stringify({
    ...file,
    smokes: {
      ...file.smokes,
      stdin: smoke({ stdin: '1' }),
      unicode: smoke({ stdin: 'e' }),
      exit_code: smoke({ expect: exit }),
    },
  });
  const problems = problemsOf(core).join('\n');
  assert.match(problems, /smokes\.exit_code\.expect\.exit_code: must be 7/);
  assert.match(problems, /smokes\.unicode: must read what is not ASCII/);
});
