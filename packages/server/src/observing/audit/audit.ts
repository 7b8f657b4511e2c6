import type { Execution } from '@gozolite/contract/execution';
import type { InstalledPack } from '@gozolite/contract/pack';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import { AuditError } from '@gozolite/store/audit/audit-error';
import type { AuditEvent } from '@gozolite/store/audit/log/entry';
import { takeEvents } from '@gozolite/store/audit/log/inbox';
import { type AuditLog, type OpenExecution, openAuditLog } from '@gozolite/store/audit/log/log';
import type { Logger } from '@gozolite/telemetry/logger';
import type { Policies } from '@gozolite/tenancy/policy/policies';
import type { ExecutionWatch } from '../watched.js';
import { createAuditing, endOf } from './executions.js';
import { createRecorder, type Recorder } from './recorder.js';
import { createRefusals, type Refusals } from './refusals.js';

/** From an entry to its signature, at most. */
const COMMIT_MS = 500;
/** Between two looks at what came beside, and at what could not be written. */
const LOOK_MS = 1000;

export interface AuditDeps {
  readonly dataFolder: string;
  readonly isRequired: boolean;
  readonly version: string;
  readonly policies: Policies;
  readonly log: Logger;
}

/** The signed log of what was asked for and done. Disposing of it signs what is left. */
export interface Audit extends AsyncDisposable {
  readonly trail: AuditLog;
  readonly recorder: Recorder;
  readonly watch: ExecutionWatch;
  readonly seen: Refusals['seen'];
  /**
   * Closes what the life before left open, and begins this one. To be called once, before
   * anything is let in.
   * @param recordOf an execution, as it is written down that it ended; undefined where it is not
   */
  begin(recordOf: (open: OpenExecution) => Promise<Execution | undefined>): Promise<void>;
  /** Policies are others now. */
  policiesChanged(): void;
  /** Looks for packs that come and go from now on. */
  watchPacks(installed: () => readonly InstalledPack[]): void;
}

/** @returns or refuses with why nothing may be put on record here */
export async function openAudit(deps: AuditDeps): Promise<Result<Audit, string>> {
  const { dataFolder, log } = deps;
  const onFault = (error: unknown) => log.error({ error }, 'the audit log could not be written');
  try {
    const options = { dataFolder, nowMs: Date.now, commitMs: COMMIT_MS, onFault };
    return ok(auditOver(deps, await openAuditLog(options)));
  } catch (error) {
    if (error instanceof AuditError) return refuse(error.message);
    throw error;
  }
}

function auditOver(deps: AuditDeps, trail: AuditLog): Audit {
  const { dataFolder, isRequired, policies, log } = deps;
  const recorder = createRecorder(trail, isRequired);
  const refusals = createRefusals({ recorder, nowMs: Date.now });
  let packs = { installed: (): readonly InstalledPack[] => [], last: '{}' };
  const lookAtPacks = () => {
    const now = digestsOf(packs.installed());
    const text = JSON.stringify(now);
    if (text === packs.last) return;
    packs = { ...packs, last: text };
    recorder.record({ kind: 'packs', digests: now });
  };
  const look = async () => {
    recorder.retry();
    refusals.flush();
    lookAtPacks();
    takeEvents(dataFolder, (event) => trail.append(event));
    await trail.rotate();
  };
  const looking = setInterval(() => {
    look().catch((error: unknown) => log.error({ error }, 'the audit log could not be kept'));
  }, LOOK_MS);
  return {
    ...{ trail, recorder, seen: refusals.seen },
    begin: async (recordOf) => {
      for (const open of trail.open) recorder.record(closing(open, await recordOf(open)));
      recorder.record(opening(deps, trail));
    },
    watch: createAuditing({ recorder, policies, told: refusals.told }),
    policiesChanged: () => recorder.record({ kind: 'policy', digests: policies.digests() }),
    watchPacks: (installed) => {
      packs = { ...packs, installed };
      lookAtPacks();
    },
    [Symbol.asyncDispose]: async () => {
      clearInterval(looking);
      recorder.retry();
      refusals.flush(true);
      await trail[Symbol.asyncDispose]();
    },
  };
}

/** The end of what the life before left open: the one that its record tells, where it has one. */
function closing(open: OpenExecution, record: Execution | undefined): AuditEvent {
  const { id, tenant, requestId, policy, digests } = open;
  const whose = {
    ...(tenant === undefined ? {} : { tenant }),
    ...(requestId === undefined ? {} : { request_id: requestId }),
    execution_id: id,
  };
  if (record === undefined || record.error === 'INTERRUPTED') {
    return { kind: 'interrupted', ...whose };
  }
  return { kind: 'ended', ...whose, ...endOf(record, { policy, asked: digests }) };
}

function opening(
  { version, isRequired, policies }: AuditDeps,
  { cutBytes }: Pick<AuditLog, 'cutBytes'>,
): AuditEvent {
  const own = { version, required: isRequired, policies: policies.digests() };
  return { kind: 'opened', ...own, ...(cutBytes === 0 ? {} : { cut_bytes: cutBytes }) };
}

function digestsOf(packs: readonly InstalledPack[]): Readonly<Record<string, string>> {
  return Object.fromEntries(packs.map(({ name, digest }) => [name, digest]));
}
