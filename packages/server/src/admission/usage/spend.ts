import { type Execution, REQUEST_BOUNDS, type StageResult } from '@gozolite/contract/execution';
import type { Limits } from '@gozolite/contract/limits';
import type { Admitted } from '@gozolite/engine/admitted';
import { type Amounts, NO_AMOUNTS } from '@gozolite/store/usage';

const STREAMS = 2;

/** What an execution may use at most, of what is counted: it is set aside before it begins. */
export function mostOf({
  limits: { run, compile },
  artifacts,
}: Pick<Admitted, 'limits' | 'artifacts'>): Pick<Amounts, 'cpuMs' | 'outputBytes'> {
  const artifactBytes = artifacts.length === 0 ? 0 : REQUEST_BOUNDS.artifactBytesMax;
  return {
    cpuMs: run.cpu_time_ms + (compile?.cpu_time_ms ?? 0),
    outputBytes: STREAMS * 1024 * (run.output_kb + (compile?.output_kb ?? 0)) + artifactBytes,
  };
}

/**
 * What it really used. A failure is ours and costs nothing. Who goes away before the end is charged
 * for the time that it took: nobody knows the CPU's, and else leaving early would be free.
 * @param elapsedMs from its admission to its end
 */
export function usedBy(execution: Execution, admitted: Admitted, elapsedMs: number): Amounts {
  if (execution.status === 'failed') return NO_AMOUNTS;
  const { run, compile } = admitted.limits;
  const outputBytes =
    outputOf(execution, run) +
    (execution.compile === undefined ? 0 : outputOf(execution.compile, compile ?? run)) +
    (execution.artifacts ?? []).reduce((sum, { bytes }) => sum + bytes, 0);
  const measuredMs = execution.cpu_time_ms + (execution.compile?.cpu_time_ms ?? 0);
  if (execution.status !== 'cancelled') {
    return { executions: 1, cpuMs: measuredMs, outputBytes };
  }
  const cpus = Math.max(run.cpus, compile?.cpus ?? 0);
  const atMostMs = Math.min(mostOf(admitted).cpuMs, Math.ceil(elapsedMs * cpus));
  return { executions: 1, cpuMs: Math.max(measuredMs, atMostMs), outputBytes };
}

/**
 * The same, of one that may have waited: waiting uses nothing up, however long it was.
 * @param beganMs of `performance.now()`, as it was admitted
 */
export function usedSince(beganMs: number, execution: Execution, admitted: Admitted): Amounts {
  const elapsedMs = performance.now() - beganMs - execution.timings.queue_ms;
  return usedBy(execution, admitted, Math.max(0, elapsedMs));
}

/** As far as it was kept: what is past the limit went to nobody. */
function outputOf({ stdout_bytes: out, stderr_bytes: err }: StageResult, limits: Limits): number {
  const most = limits.output_kb * 1024;
  return Math.min(out, most) + Math.min(err, most);
}
