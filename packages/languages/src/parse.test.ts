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
