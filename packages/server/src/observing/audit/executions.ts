import type { Execution } from '@gozolite/contract/execution';
import type { Refusal } from '@gozolite/contract/refusal';
import type { Identity } from '@gozolite/engine/admitted';
import type { Policies } from '@gozolite/tenancy/policy/policies';
import type { ExecutionWatch } from '../watched.js';
import { type Digests, digestsOfRecord, digestsOfRequest } from './digests.js';
import type { Recorder } from './recorder.js';

export interface AuditingDeps {
  readonly recorder: Recorder;
  readonly policies: Pick<Policies, 'of'>;
  /** It is on record as refused: HTTP need not tell of it again. */
  readonly told: (refusal: Refusal) => void;
}

export const AUDIT_UNAVAILABLE: Refusal = {
  code: 'AUDIT_UNAVAILABLE',
  detail: 'The audit log can not be written, and what is not on record is not done.',
  retryAfterMs: 5000,
};

/** Puts each execution on record: admitted, started, and how it ended or why it was refused. */
export function createAuditing({ recorder, policies, told }: AuditingDeps): ExecutionWatch {
  const digests = new WeakMap<Identity, Digests>();
  // The one that it was let in by, whatever it says by now; where none is written, none changes.
  const policyOf = ({ policyDigest, tenant }: Identity) =>
    policyDigest ?? policies.of(tenant).digest;
  return {
    admitted: (admitted) => {
      const { recipe } = admitted;
      const own = digestsOfRequest(admitted);
      digests.set(admitted, own);
      const isAdmitted = recorder.admit({
        kind: 'admitted',
        ...whose(admitted),
        language: recipe.language,
        version: recipe.version,
        toolchain: { ...recipe.toolchain },
        policy: policyOf(admitted),
        digests: own,
      });
      if (isAdmitted) return undefined;
      // It was not written that it was let in, nor can it be written that it was not.
      told(AUDIT_UNAVAILABLE);
      return AUDIT_UNAVAILABLE;
    },
    started: (admitted) => recorder.recordSoon({ kind: 'started', ...whose(admitted) }),
    refused: (admitted, refusal) => {
      told(refusal);
      recorder.record({ kind: 'refused', ...whose(admitted), code: refusal.code });
    },
    ended: (execution, identity, admitted) => {
      const asked = digests.get(identity) ?? {};
      const isRun = admitted !== undefined;
      const end = endOf(execution, { policy: policyOf(identity), asked, isRun });
      recorder.record({ kind: 'ended', ...whose(identity), ...end });
    },
  };
}

/** How it ended; whose it was is the caller's to say. */
export function endOf(
  execution: Execution,
  {
    policy,
    asked,
    isRun = true,
  }: { readonly policy: string | undefined; readonly asked: Digests; readonly isRun?: boolean },
) {
  // Where its output is not kept, its record has the digests already.
  const came = isRun ? (execution.digests ?? digestsOfRecord(execution)) : {};
  return {
    ...outcomeOf(execution),
    ...(policy === undefined ? {} : { policy }),
    digests: { ...asked, ...came },
  };
}

function whose({ id, tenant, requestId }: Identity) {
  return { tenant, request_id: requestId, execution_id: id };
}

function outcomeOf(execution: Execution) {
  const { status, error, stage, limit, language, isolation } = execution;
  return {
    status,
    ...(error === undefined ? {} : { error }),
    ...(stage === undefined ? {} : { stage }),
    ...(limit === undefined ? {} : { limit }),
    exit_code: execution.exit_code,
    signal: execution.signal,
    time_ms: execution.time_ms,
    cpu_time_ms: execution.cpu_time_ms + (execution.compile?.cpu_time_ms ?? 0),
    memory_kb: execution.memory_kb,
    language: language.id,
    version: language.version,
    toolchain: language.toolchain,
    isolation: { backend: isolation.backend, level: isolation.level },
  };
}
