import { ok } from '@gozolite/contract/result';
import { type Answer, json, type Route } from '../http/route.js';
import { type Described, openApiOf } from '../openapi/document.js';
import { renderDocs } from '../openapi/page.js';

/** The document of all `routes` and of itself, and the same as a page for people. */
export function openApiRoutes(routes: readonly Route[], described: Described): readonly Route[] {
  const openapi: Route = {
    method: 'GET',
    path: '/openapi.json',
    document: {
      operationId: 'openapi',
      access: 'open',
      summary: 'This document.',
      answers: { 200: { description: 'OpenAPI 3.1.' } },
      schemas: {},
    },
    handle: () => ok(documentAnswer),
  };
  const docs: Route = {
    method: 'GET',
    path: '/docs',
    document: {
      operationId: 'docs',
      access: 'open',
      summary: 'This document as a page.',
      answers: { 200: { description: 'HTML.', mediaType: 'text/html' } },
      schemas: {},
    },
    handle: () => ok(pageAnswer),
  };
  const document = openApiOf([...routes, openapi, docs], described);
  const documentAnswer = json(200, document);
  const page = renderDocs(document);
  const pageAnswer: Answer = {
    status: 200,
    mediaType: 'text/html; charset=utf-8',
    headers: { 'content-security-policy': page.policy, 'x-content-type-options': 'nosniff' },
    body: page.html,
  };
  return [openapi, docs];
}
