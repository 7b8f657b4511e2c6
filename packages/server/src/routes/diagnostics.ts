import { Diagnostics } from '@gozolite/contract/capabilities';
import { ok } from '@gozolite/contract/result';
import { json, type Route } from '../http/route.js';

export interface DiagnosticsDeps {
  readonly diagnostics: () => Promise<Diagnostics>;
}

export function diagnosticsRoute({ diagnostics }: DiagnosticsDeps): Route {
  return {
    method: 'GET',
    path: '/diagnostics',
    document: {
      operationId: 'diagnostics',
      access: 'admin',
      summary: 'Each protection present or missing and why, toolchains, backends and load.',
      answers: { 200: { description: 'Healthy or not.', schema: 'Diagnostics' } },
      schemas: { Diagnostics },
    },
    handle: async () => ok(json(200, await diagnostics())),
  };
}
