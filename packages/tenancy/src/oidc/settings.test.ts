import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, test } from 'vitest';
import { readOidc } from './settings.js';

const folder = mkdtempSync(join(tmpdir(), 'gozolite-oidc-'));
afterAll(() => rmSync(folder, { recursive: true }));

function read(...lines: readonly string[]) {
  const file = join(folder, 'oidc.yaml');
  writeFileSync(file, lines.join('\n'));
  return readOidc(file);
}

const START = ['issuers:', '  - issuer: https://id.example.com', '    audience: [gozolite]'];

test('an issuer, its audience and a tenant are enough', () => {
  const found = read(...START, '    tenant: { claim: org }');
  assert.ok(found.ok);
  assert.equal(found.value[0]?.issuer, 'https://id.example.com');
});

test('a file of keys is one beside the settings', () => {
  const found = read(...START, '    tenant: { is: acme }', '    jwks_file: keys.json');
  assert.equal(found.ok && found.value[0]?.jwks_file, join(folder, 'keys.json'));
});

const rows = [
  { what: 'neither is nor claim', lines: [...START, '    tenant: {}'], line: 4 },
  { what: 'both', lines: [...START, '    tenant: { is: acme, claim: org }'], line: 4 },
  { what: 'no such tenant', lines: [...START, '    tenant: { is: Local! }'], line: 4 },
  {
    what: 'a symmetric algorithm',
    lines: [...START, '    tenant: { is: acme }', '    algorithms: [HS256]'],
    line: 5,
  },
  {
    what: 'a claim without its meaning',
    lines: [...START, '    tenant: { is: acme }', '    scopes: { claim: scope }'],
    line: 5,
  },
  {
    what: 'keys from anywhere',
    lines: [...START, '    tenant: { is: acme }', '    jwks_url: http://id.example.com/keys'],
    line: 5,
  },
  { what: 'an unknown word', lines: [...START, '    tenants: { is: acme }'], line: 4 },
] as const;
for (const { what, lines, line } of rows) {
  test(`refused with its line: ${what}`, () => {
    const found = read(...lines);
    assert.ok(!found.ok);
    assert.ok(
      found.error.some((fault) => fault.line === line),
      JSON.stringify(found.error),
    );
  });
}

test('a file that is not there is refused with its name', () => {
  const found = readOidc(join(folder, 'none.yaml'));
  assert.match(found.ok ? '' : (found.error[0]?.file ?? ''), /none\.yaml$/);
});
