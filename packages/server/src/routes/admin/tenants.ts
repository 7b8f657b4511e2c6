import { ok } from '@gozolite/contract/result';
import { CreatedKeys, Rotation } from '@gozolite/contract/tenancy/key';
import { ErasedTenant, NewTenant, TenantInfo, TenantList } from '@gozolite/contract/tenancy/tenant';
import type { Administration } from '@gozolite/tenancy/administer';
import { PROBLEM_ANSWER } from '../../http/problem.js';
import { answered, json, type Route } from '../../http/route.js';
import { bodyReader } from './input.js';

/** What people administer tenants by; `gozo tenants` does the same. */
export function tenantRoutes(administration: Administration): readonly Route[] {
  return [
    create(administration),
    list(administration),
    rotate(administration),
    end(administration),
    erase(administration),
  ];
}

const MADE = { id: '$response.body#/id' };
const id = 'A tenant, by its id.';

function create({ createTenant }: Administration): Route {
  const read = bodyReader(NewTenant);
  return {
    method: 'POST',
    path: '/admin/tenants',
    document: {
      operationId: 'createTenant',
      summary: 'Make a tenant. It has no key yet.',
      access: 'admin',
      requestSchema: 'NewTenant',
      requestExample: { id: 'acme', name: 'Acme Ltd' },
      answers: {
        201: {
          description: 'It is made.',
          schema: 'TenantInfo',
          links: { rotateTenant: MADE, revokeTenant: MADE },
        },
        409: { description: 'CONFLICT: the id is taken.', ...PROBLEM_ANSWER },
        422: { description: 'INVALID_VALUE.', ...PROBLEM_ANSWER },
      },
      schemas: { NewTenant, TenantInfo },
    },
    handle: async ({ body }) => {
      const wanted = read(body);
      return wanted.ok ? answered(201, await createTenant(wanted.value)) : wanted;
    },
  };
}

function list({ listTenants }: Administration): Route {
  return {
    method: 'GET',
    path: '/admin/tenants',
    document: {
      operationId: 'listTenants',
      summary: 'All tenants, revoked ones too.',
      access: 'admin',
      answers: { 200: { description: 'By id.', schema: 'TenantList' } },
      schemas: { TenantList },
    },
    handle: async () => ok(json(200, { tenants: await listTenants() })),
  };
}

function rotate({ rotateTenant }: Administration): Route {
  const read = bodyReader(Rotation);
  return {
    method: 'POST',
    path: '/admin/tenants/{id}/rotate',
    document: {
      operationId: 'rotateTenant',
      summary: 'A new key for each one of the tenant that is let in.',
      access: 'admin',
      parameters: { id },
      requestSchema: 'Rotation',
      isBodyOptional: true,
      requestExample: { grace_s: 3600 },
      answers: {
        201: { description: 'The new keys, told once.', schema: 'CreatedKeys' },
        404: { description: 'NOT_FOUND.', ...PROBLEM_ANSWER },
      },
      schemas: { CreatedKeys, Rotation },
    },
    handle: async ({ params, body }) => {
      const wanted = read(body);
      if (!wanted.ok) return wanted;
      const made = await rotateTenant(params.id ?? '', wanted.value.grace_s ?? 0);
      return made.ok ? ok(json(201, { keys: made.value })) : made;
    },
  };
}

function end({ revokeTenant }: Administration): Route {
  return {
    method: 'POST',
    path: '/admin/tenants/{id}/revoke',
    document: {
      operationId: 'revokeTenant',
      summary: 'Let none of its keys in any more. There is no way back.',
      access: 'admin',
      parameters: { id },
      answers: {
        200: { description: 'It is revoked.', schema: 'TenantInfo' },
        404: { description: 'NOT_FOUND.', ...PROBLEM_ANSWER },
      },
      schemas: { TenantInfo },
    },
    handle: async ({ params }) => answered(200, await revokeTenant(params.id ?? '')),
  };
}

function erase({ eraseTenant }: Administration): Route {
  return {
    method: 'POST',
    path: '/admin/tenants/{id}/erase',
    document: {
      operationId: 'eraseTenant',
      summary: 'Delete all that is kept of a revoked tenant, but its id. There is no way back.',
      access: 'admin',
      parameters: { id },
      answers: {
        200: { description: 'What was deleted.', schema: 'ErasedTenant' },
        404: { description: 'NOT_FOUND.', ...PROBLEM_ANSWER },
        409: { description: 'CONFLICT: it is not revoked.', ...PROBLEM_ANSWER },
      },
      schemas: { ErasedTenant },
    },
    handle: async ({ params }) => answered(200, await eraseTenant(params.id ?? '')),
  };
}
