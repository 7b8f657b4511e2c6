import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'vitest';
import { describeProblem, languageValidator, parseLanguage } from './parse.js';

test("CONTRIBUTING's example of a language file is a good one", () => {
  const page = readFileSync(new URL('../../../CONTRIBUTING.md', import.meta.url), 'utf8');
  const example = /^```yaml\n([\s\S]*?)^```$/m.exec(page)?.[1] ?? '';
  const parsed = parseLanguage(example, 'CONTRIBUTING.md', languageValidator());
  assert.deepEqual(parsed.ok ? [] : parsed.error.map(describeProblem), []);
});
