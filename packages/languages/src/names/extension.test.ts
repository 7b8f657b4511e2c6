import assert from 'node:assert/strict';
import { test } from 'vitest';
import { ofExtension } from './extension.js';

const languages = [
  { id: 'bun', aliases: [], extensions: ['.ts', '.jsx'] },
  { id: 'deno', aliases: ['deno-ts'], extensions: ['.ts', '.jsx'] },
  { id: 'typescript', aliases: ['ts'], extensions: ['.ts'] },
];
const rows = [
  ['.ts', 'typescript'],
  ['.TS', 'typescript'],
  ['.jsx', 'bun'],
  ['.py', undefined],
] as const;
for (const [extension, id] of rows) {
  test(`${extension} is ${id}`, () => assert.equal(ofExtension(languages, extension)?.id, id));
}
