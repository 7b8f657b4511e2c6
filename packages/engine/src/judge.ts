import type { FailureCode, Status } from '@gozolite/contract/execution';
import type { LimitName, StageName } from '@gozolite/contract/limits';
import type { Outcome } from '@gozolite/contract/outcome';
import { unreachable } from '@gozolite/contract/result';

/** What the record says of how a stage ended. */
export interface Judgement {
  readonly status: Status;
  readonly error?: FailureCode;
  readonly message?: string;
  /** The stage that decided, unless all went well. */
  readonly stage?: StageName;
}

/** Every outcome has exactly one status; `ok` of a compile means that the run may begin. */
export function judge(outcome: Outcome, stage: StageName): Judgement {
  switch (outcome.kind) {
    case 'exited':
      return outcome.exitCode === 0 ? { status: 'ok' } : { status: wentWrong(stage), stage };
    case 'signalled':
      return { status: wentWrong(stage), stage };
    case 'limit-exceeded':
      return { status: statusOfLimit(outcome.limit) ?? wentWrong(stage), stage };
    case 'cancelled':
      return { status: 'cancelled', stage };
    case 'launcher-lost':
      return unavailable(stage, `launcher lost: ${outcome.reason}`);
    case 'below-floor':
      return unavailable(
        stage,
        `isolation is ${outcome.level}, and the floor of this server is ${outcome.floor}`,
      );
    case 'setup-failed':
      return unavailable(stage, `sandbox setup failed at ${outcome.step} (${outcome.errno})`);
    default:
      return unreachable(outcome);
  }
}

function wentWrong(stage: StageName): Status {
  return stage === 'compile' ? 'compile_error' : 'runtime_error';
}

function unavailable(stage: StageName, message: string): Judgement {
  return { status: 'failed', error: 'SANDBOX_UNAVAILABLE', message, stage };
}

/** undefined for the limits that only refuse an operation: how the program took it decides. */
function statusOfLimit(limit: LimitName): Status | undefined {
  switch (limit) {
    case 'wall_time_ms':
    case 'cpu_time_ms':
      return 'time_limit_exceeded';
    case 'memory_kb':
      return 'memory_limit_exceeded';
    case 'output_kb':
      return 'output_limit_exceeded';
    case 'disk_kb':
    case 'file_kb':
      return 'disk_limit_exceeded';
    case 'processes':
      return 'process_limit_exceeded';
    case 'stack_kb':
    case 'cpus':
    case 'open_files':
      return undefined;
    default:
      return unreachable(limit);
  }
}
