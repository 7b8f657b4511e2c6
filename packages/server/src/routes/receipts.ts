import { AuditKey, Receipt } from '@gozolite/contract/receipt/receipt';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok, refuse } from '@gozolite/contract/result';
import { entryOf } from '@gozolite/store/audit/log/entry';
import type { AuditLog } from '@gozolite/store/audit/log/log';
import { makeReceipt } from '@gozolite/store/audit/receipt/receipt';
import { isExecutionId } from '../executions/view.js';
import { PROBLEM_ANSWER } from '../http/problem.js';
import { json, type Route } from '../http/route.js';
import { AUDIT_UNAVAILABLE } from '../observing/audit/executions.js';

/** What is on record, for those whom it is about. */
export function receiptRoutes(trail: AuditLog): readonly Route[] {
  return [receipt(trail), checkpoint(trail), key(trail)];
}

const unavailable = { description: 'AUDIT_UNAVAILABLE.', ...PROBLEM_ANSWER };

function receipt(trail: AuditLog): Route {
  return {
    method: 'GET',
    path: '/executions/{id}/receipt',
    document: {
      operationId: 'receipt',
      summary: 'What is on record of an execution that ended, signed, with its proof of inclusion.',
      access: 'read',
      parameters: { id: 'An execution, by its id.' },
      answers: {
        200: { description: 'A DSSE envelope with an in-toto statement.', schema: 'Receipt' },
        404: {
          description: 'NOT_FOUND: no execution of this tenant that ended has this id.',
          ...PROBLEM_ANSWER,
        },
        503: unavailable,
      },
      schemas: { Receipt },
    },
    handle: async ({ params, caller }) => {
      const id = params.id ?? '';
      if (!isExecutionId(id)) return refuse(noReceipt(id));
      const isSigned = await trail.commit().then(
        () => true,
        () => false,
      );
      if (!isSigned) return refuse(AUDIT_UNAVAILABLE);
      const proven = await trail.prove(id, ['ended', 'interrupted']);
      const tenant = proven && entryOf(proven.line)?.tenant;
      const isTheirs = tenant === caller.tenant || caller.scopes.includes('admin');
      if (proven === undefined || !isTheirs) return refuse(noReceipt(id));
      return ok(json(200, makeReceipt(proven, trail.signer())));
    },
  };
}

function noReceipt(id: string): Refusal {
  const which = `"${id.slice(0, 64)}"`;
  return { code: 'NOT_FOUND', detail: `No execution of yours that ended has the id ${which}.` };
}

function checkpoint(trail: AuditLog): Route {
  return {
    method: 'GET',
    path: '/audit/checkpoint',
    document: {
      operationId: 'auditCheckpoint',
      summary:
        'The size and root of the audit log, signed: to be kept where it can not be changed.',
      access: 'read',
      answers: {
        200: { description: 'C2SP tlog-checkpoint, a signed note.', mediaType: 'text/plain' },
        503: unavailable,
      },
      schemas: {},
    },
    handle: async () => {
      await trail.commit().catch(() => undefined);
      const body = trail.checkpoint();
      if (body === undefined) return refuse(AUDIT_UNAVAILABLE);
      return ok({ status: 200, mediaType: 'text/plain; charset=utf-8', body });
    },
  };
}

function key(trail: AuditLog): Route {
  return {
    method: 'GET',
    path: '/audit/key',
    document: {
      operationId: 'auditKey',
      summary: 'What receipts and checkpoints of this server are checked with.',
      access: 'read',
      answers: { 200: { description: 'The key that signs now.', schema: 'AuditKey' } },
      schemas: { AuditKey },
    },
    handle: () => {
      const { vkey, name } = trail.signer();
      return ok(json(200, { key: vkey, log: name, entries: trail.size() }));
    },
  };
}
