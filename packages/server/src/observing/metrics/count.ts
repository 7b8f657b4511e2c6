import type { Execution, StageResult } from '@gozolite/contract/execution';
import type { Counted, CountedRun } from '@gozolite/telemetry/metrics/counts';
import type { Metrics } from '@gozolite/telemetry/metrics/metrics';
import type { Seen } from '../../http/seen.js';
import type { ExecutionWatch } from '../watched.js';

/** Counts what ends: a dozen additions in memory. */
export function createCounting(metrics: Metrics): ExecutionWatch {
  const { counts, tenants, quotas } = metrics;
  return {
    ended: (execution) => {
      const counted = countedOf(execution);
      counts.ended(counted);
      const cpuMs = counted.ran.reduce((sum, ran) => sum + ran.cpuMs, 0);
      quotas.saw(execution.tenant);
      tenants?.ended(execution.tenant, execution.status, cpuMs);
    },
  };
}

export function countRequest({ counts, tenants, quotas }: Metrics, seen: Seen): void {
  const { route, method, ms, refusal, caller } = seen;
  const status = seen.isAborted ? 'aborted' : String(seen.status);
  counts.answered({ route, method, status, ms });
  if (refusal === undefined) return;
  counts.refused(refusal.code, refusal.limit?.name);
  if (caller === undefined) return;
  quotas.saw(caller.tenant);
  tenants?.refused(caller.tenant, refusal.code);
}

export function countedOf(execution: Execution): Counted {
  const { timings, compile } = execution;
  return {
    language: execution.language.id,
    status: execution.status,
    failure: execution.error,
    stages: {
      queue: timings.queue_ms,
      prepare: timings.prepare_ms,
      compile: timings.compile_ms,
      run: timings.run_ms,
      total: timings.total_ms,
    },
    ran: [
      ...(compile === undefined ? [] : [ranOf('compile', compile)]),
      // Where the compiler said no, or no sandbox came to be, no program ran.
      ...(timings.run_ms > 0 ? [ranOf('run', execution)] : []),
    ],
    prepared: execution.prepared,
  };
}

function ranOf(stage: CountedRun['stage'], result: StageResult): CountedRun {
  const ended = result.limit === undefined ? [] : [result.limit];
  return {
    stage,
    memoryKb: result.memory_kb,
    cpuMs: result.cpu_time_ms,
    limits: [...new Set([...ended, ...(result.limits_hit ?? [])])],
  };
}
