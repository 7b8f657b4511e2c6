import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { MASKED_PATHS } from './masks.js';

const TEMPLATE = new URL('../../../../../crates/sandboxd/src/confine/template.rs', import.meta.url);

test('every name of /proc that the native launcher masks is masked in a container', () => {
  const text = readFileSync(TEMPLATE, 'utf8');
  const list = /const MASKED: [^=]*= \[([^\]]*)\]/.exec(text)?.[1] ?? '';
  const names = [...list.matchAll(/"([^"]+)"/g)].map((match) => `/proc/${match[1]}`);
  expect(names.length).toBeGreaterThan(20);
  expect(MASKED_PATHS).toEqual(expect.arrayContaining(names));
});
