import { ok } from '@gozolite/contract/result';
import {
  CreatedWebhook,
  NewWebhook,
  WEBHOOK_BOUNDS,
  WebhookInfo,
  WebhookList,
  WebhookRotation,
} from '@gozolite/contract/webhooks/webhook';
import { PROBLEM_ANSWER } from '../../http/problem.js';
import { answered, json, type Route } from '../../http/route.js';
import type { Endpoints } from '../../webhooks/endpoints.js';
import { bodyReader } from '../admin/input.js';
import { NO_STORE } from '../executions/deps.js';
import { changerOf, FORBIDDEN, idOf, TENANT, tenantOf, WEBHOOK_ID } from './caller.js';

const GRACE_S = 24 * 3600;
const forbidden = { description: FORBIDDEN, ...PROBLEM_ANSWER };
const notFound = { description: 'NOT_FOUND.', ...PROBLEM_ANSWER };

export function createRoute({ create }: Endpoints): Route {
  const read = bodyReader(NewWebhook);
  return {
    method: 'POST',
    path: '/webhooks',
    document: {
      operationId: 'createWebhook',
      summary: 'Register where to send the ends of executions. Its secret is told here, once.',
      description:
        'Deliveries are signed as Standard Webhooks has it, tried again for three days where ' +
        'they fail, and never sent to inner addresses.',
      access: 'execute',
      requestSchema: 'NewWebhook',
      requestExample: { url: 'https://example.com/gozolite', payload: 'record' },
      answers: {
        201: { description: 'It is registered.', schema: 'CreatedWebhook' },
        403: forbidden,
        409: {
          description: `CONFLICT: there is one of this URL, or ${WEBHOOK_BOUNDS.ofTenantMax}.`,
          ...PROBLEM_ANSWER,
        },
        422: { description: 'INVALID_VALUE: nothing is sent there.', ...PROBLEM_ANSWER },
      },
      schemas: { NewWebhook, CreatedWebhook, WebhookInfo },
    },
    handle: async (call) => {
      const tenant = changerOf(call);
      if (!tenant.ok) return tenant;
      const wanted = read(call.body);
      if (!wanted.ok) return wanted;
      const created = answered(201, await create(tenant.value, wanted.value));
      return created.ok ? ok({ ...created.value, headers: NO_STORE }) : created;
    },
  };
}

export function listRoute({ list }: Endpoints): Route {
  return {
    method: 'GET',
    path: '/webhooks',
    document: {
      operationId: 'listWebhooks',
      summary: "The tenant's webhooks, without their secrets.",
      access: 'read',
      parameters: { tenant: TENANT },
      answers: { 200: { description: 'Oldest first.', schema: 'WebhookList' }, 403: forbidden },
      schemas: { WebhookList, WebhookInfo },
    },
    handle: async (call) => {
      const tenant = tenantOf(call);
      return tenant.ok ? ok(json(200, { webhooks: await list(tenant.value) })) : tenant;
    },
  };
}

export function removeRoute({ remove }: Endpoints): Route {
  return {
    method: 'DELETE',
    path: '/webhooks/{id}',
    document: {
      operationId: 'deleteWebhook',
      summary: 'Send nothing there any more, and forget what was sent.',
      access: 'execute',
      parameters: { id: WEBHOOK_ID },
      answers: {
        200: { description: 'As it was.', schema: 'WebhookInfo' },
        403: forbidden,
        404: notFound,
      },
      schemas: { WebhookInfo },
    },
    handle: async (call) => {
      const tenant = changerOf(call);
      return tenant.ok ? answered(200, await remove(tenant.value, idOf(call))) : tenant;
    },
  };
}

export function rotateRoute({ rotate }: Endpoints): Route {
  const read = bodyReader(WebhookRotation);
  return {
    method: 'POST',
    path: '/webhooks/{id}/rotate',
    document: {
      operationId: 'rotateWebhook',
      summary: 'Another secret; the old one signs beside it for a while.',
      access: 'execute',
      parameters: { id: WEBHOOK_ID },
      requestSchema: 'WebhookRotation',
      isBodyOptional: true,
      requestExample: { grace_s: GRACE_S },
      answers: {
        201: { description: 'The new secret, told once.', schema: 'CreatedWebhook' },
        403: forbidden,
        404: notFound,
      },
      schemas: { CreatedWebhook, WebhookRotation, WebhookInfo },
    },
    handle: async (call) => {
      const tenant = changerOf(call);
      if (!tenant.ok) return tenant;
      const wanted = read(call.body);
      if (!wanted.ok) return wanted;
      const graceS = wanted.value.grace_s ?? GRACE_S;
      const rotated = answered(201, await rotate(tenant.value, idOf(call), graceS));
      return rotated.ok ? ok({ ...rotated.value, headers: NO_STORE }) : rotated;
    },
  };
}

export function enableRoute({ enable }: Endpoints): Route {
  return {
    method: 'POST',
    path: '/webhooks/{id}/enable',
    document: {
      operationId: 'enableWebhook',
      summary: 'Use one again that was disabled.',
      access: 'execute',
      parameters: { id: WEBHOOK_ID },
      answers: {
        200: { description: 'It is in use.', schema: 'WebhookInfo' },
        403: forbidden,
        404: notFound,
      },
      schemas: { WebhookInfo },
    },
    handle: async (call) => {
      const tenant = changerOf(call);
      return tenant.ok ? answered(200, await enable(tenant.value, idOf(call))) : tenant;
    },
  };
}
