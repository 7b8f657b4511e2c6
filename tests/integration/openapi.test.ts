import assert from 'node:assert/strict';
import { Validator } from '@seriousme/openapi-schema-validator';
import { test } from 'vitest';
import { get, testUrl } from './client.js';

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

test('the document is valid OpenAPI 3.1 by a public validator', async () => {
  const document = await get<Document>('/openapi.json');
  assert.match(document.openapi, /^3\.1\./);
  assert.deepEqual(await new Validator().validate({ ...document }), { valid: true });
});

test('every path of the document is served, with its methods', async () => {
  const { paths } = await get<Document>('/openapi.json');
  assert.deepEqual(Object.keys(paths).sort(), [
    '/capabilities',
    '/capabilities/refresh',
    '/deliveries',
    '/deliveries/{id}/redeliver',
    '/diagnostics',
    '/docs',
    '/execute',
    '/executions',
    '/executions/batch',
    '/executions/{id}',
    '/executions/{id}/events',
    '/healthz',
    '/interact',
    '/metrics',
    '/openapi.json',
    '/readyz',
    '/webhooks',
    '/webhooks/{id}',
    '/webhooks/{id}/enable',
    '/webhooks/{id}/rotate',
  ]);
  for (const [path, methods] of Object.entries(paths)) {
    const response = await fetch(`${testUrl()}${path}`, { method: 'PUT' });
    assert.equal(response.status, 405, path);
    const allowed = (response.headers.get('allow') ?? '').toLowerCase().split(', ');
    for (const method of Object.keys(methods)) assert.ok(allowed.includes(method), path);
  }
});

test('the page shows every endpoint and loads nothing from elsewhere', async () => {
  const response = await fetch(`${testUrl()}/docs`);
  const html = await response.text();
  assert.match(response.headers.get('content-type') ?? '', /^text\/html/);
  assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'none'/);
  for (const path of ['/execute', '/capabilities', '/diagnostics']) assert.ok(html.includes(path));
  // Nobody's URL, in an example's text.
  const rest = html.replaceAll('https://example.com/', '');
  assert.doesNotMatch(rest, /<script|https?:\/\/|<link|<img/);
});
