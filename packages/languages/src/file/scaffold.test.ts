import assert from 'node:assert/strict';
import { test } from 'vitest';
import { describeProblem, languageValidator, parseLanguage } from '../parse.js';
import { schemaHint } from './json-schema.js';
import { scaffold } from './scaffold.js';

const plan = {
  id: 'demo',
  name: 'Demo',
  extension: '.demo',
  tool: '/usr/bin/demo',
  debian: undefined,
  isCompiled: false,
  hint: undefined,
};
const rows = [
  { name: 'an interpreted language', change: {} },
  { name: 'a compiled one', change: { isCompiled: true } },
  { name: 'one with everything', change: { debian: 'demo-lang', hint: schemaHint('../x.json') } },
  { name: 'words that YAML reads as numbers', change: { extension: '.5', name: 'True' } },
  { name: 'a name that YAML would read otherwise', change: { name: 'yes: no # "C*"' } },
];
for (const { name, change } of rows) {
  test(`${name}: the scaffold is a good file as it stands`, () => {
    const made = { ...plan, ...change };
    const text = scaffold(made);
    const parsed = parseLanguage(text, 'demo.yaml', languageValidator());
    assert.deepEqual(parsed.ok ? [] : parsed.error.map(describeProblem), []);
    if (!parsed.ok) return;
    assert.equal(parsed.value.name, made.name);
    assert.equal(parsed.value.compile !== undefined, made.isCompiled);
    assert.deepEqual(parsed.value.packages, { debian: [made.debian ?? 'demo'] });
    if (made.hint !== undefined) assert.ok(text.startsWith(`${made.hint}\n`));
  });
}
