import { ok } from '@gozolite/contract/result';
import { CreatedKey, KeyInfo, KeyList, NewKey, Rotation } from '@gozolite/contract/tenancy/key';
import type { Administration } from '@gozolite/tenancy/administer';
import { PROBLEM_ANSWER } from '../../http/problem.js';
import { answered, json, type Route } from '../../http/route.js';
import { bodyReader } from './input.js';

/** What people administer keys by; `gozo keys` does the same. */
export function keyRoutes(administration: Administration): readonly Route[] {
  return [
    create(administration),
    list(administration),
    rotate(administration),
    end(administration),
  ];
}

const MADE = { id: '$response.body#/info/id' };
const id = 'A key, by its id: key_ and a UUID, never the key itself.';

function create({ createKey }: Administration): Route {
  const read = bodyReader(NewKey);
  return {
    method: 'POST',
    path: '/admin/keys',
    document: {
      operationId: 'createKey',
      summary: 'Make a key. It is told in this answer and never again.',
      access: 'admin',
      requestSchema: 'NewKey',
      requestExample: { tenant: 'acme', name: 'ci', scopes: ['execute'] },
      answers: {
        201: {
          description: 'The key.',
          schema: 'CreatedKey',
          links: { rotateKey: MADE, revokeKey: MADE },
        },
        404: { description: 'NOT_FOUND: no such tenant.', ...PROBLEM_ANSWER },
        409: {
          description: 'CONFLICT: the tenant is revoked, or has its share.',
          ...PROBLEM_ANSWER,
        },
        422: { description: 'INVALID_VALUE.', ...PROBLEM_ANSWER },
      },
      schemas: { NewKey, CreatedKey },
    },
    handle: async ({ body }) => {
      const wanted = read(body);
      return wanted.ok ? answered(201, await createKey(wanted.value)) : wanted;
    },
  };
}

function list({ listKeys }: Administration): Route {
  return {
    method: 'GET',
    path: '/admin/keys',
    document: {
      operationId: 'listKeys',
      summary: 'All keys, or those of one tenant: what they are, not themselves.',
      access: 'admin',
      parameters: { tenant: 'Only of this tenant.' },
      answers: { 200: { description: 'By tenant and age.', schema: 'KeyList' } },
      schemas: { KeyList },
    },
    handle: async ({ query }) => ok(json(200, { keys: await listKeys(query.tenant) })),
  };
}

function rotate({ rotateKey }: Administration): Route {
  const read = bodyReader(Rotation);
  return {
    method: 'POST',
    path: '/admin/keys/{id}/rotate',
    document: {
      operationId: 'rotateKey',
      summary: 'Make a key of the same kind in place of this one.',
      access: 'admin',
      parameters: { id },
      requestSchema: 'Rotation',
      isBodyOptional: true,
      requestExample: { grace_s: 3600 },
      answers: {
        201: { description: 'The new key, told once.', schema: 'CreatedKey' },
        404: { description: 'NOT_FOUND.', ...PROBLEM_ANSWER },
        409: { description: 'CONFLICT: it has ended.', ...PROBLEM_ANSWER },
      },
      schemas: { CreatedKey, Rotation },
    },
    handle: async ({ params, body }) => {
      const wanted = read(body);
      if (!wanted.ok) return wanted;
      return answered(201, await rotateKey(params.id ?? '', wanted.value.grace_s ?? 0));
    },
  };
}

function end({ revokeKey }: Administration): Route {
  return {
    method: 'POST',
    path: '/admin/keys/{id}/revoke',
    document: {
      operationId: 'revokeKey',
      summary: 'Let it in no more. There is no way back.',
      access: 'admin',
      parameters: { id },
      answers: {
        200: { description: 'It is revoked.', schema: 'KeyInfo' },
        404: { description: 'NOT_FOUND.', ...PROBLEM_ANSWER },
      },
      schemas: { KeyInfo },
    },
    handle: async ({ params }) => answered(200, await revokeKey(params.id ?? '')),
  };
}
