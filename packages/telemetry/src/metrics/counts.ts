import { Counter, Histogram, type Registry } from 'prom-client';

/** What of an execution is counted; times in milliseconds, `memoryKb` in units of 1,024 bytes. */
export interface Counted {
  readonly language: string;
  readonly status: string;
  readonly failure: string | undefined;
  readonly stages: Readonly<Record<'queue' | 'prepare' | 'compile' | 'run' | 'total', number>>;
  readonly ran: readonly CountedRun[];
  readonly prepared: boolean;
}

export interface CountedRun {
  readonly stage: 'compile' | 'run';
  readonly memoryKb: number;
  readonly cpuMs: number;
  /** Ended it, or was met on its way. */
  readonly limits: readonly string[];
}

export interface Answered {
  /** As it stands in the OpenAPI document; '' where none was found. */
  readonly route: string;
  readonly method: string;
  /** `aborted` where the client went before it had its answer. */
  readonly status: string;
  readonly ms: number;
}

/** What only grows. Labels come from closed sets: routes, languages, statuses, codes, limits. */
export interface Counts {
  answered(answer: Answered): void;
  /** @param limit which one, of a 429 */
  refused(code: string, limit: string | undefined): void;
  ended(execution: Counted): void;
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const MIB = 1024 * 1024;
const BYTES = [1, 4, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096].map((mib) => mib * MIB);

export function countsOn(registry: Registry): Counts {
  const own = metricsOn(registry);
  return {
    answered: ({ route, method, status, ms }) => {
      own.requests.labels(route, method, status).inc();
      own.requestSeconds.labels(route).observe(ms / 1000);
    },
    refused: (code, limit) => {
      own.refusals.labels(code).inc();
      if (limit !== undefined) own.limited.labels(limit).inc();
    },
    ended: ({ language, status, failure, stages, ran, prepared }) => {
      own.executions.labels(language, status).inc();
      if (failure !== undefined) own.failures.labels(failure).inc();
      if (ran.length > 0) own.sandboxes.labels(prepared ? 'prepared' : 'cold').inc();
      own.stageSeconds.labels('queue').observe(stages.queue / 1000);
      own.stageSeconds.labels('total').observe(stages.total / 1000);
      if (ran.length > 0) own.stageSeconds.labels('prepare').observe(stages.prepare / 1000);
      for (const { stage, memoryKb, cpuMs, limits } of ran) {
        own.stageSeconds.labels(stage).observe(stages[stage] / 1000);
        own.memoryBytes.labels(stage).observe(memoryKb * 1024);
        own.cpuSeconds.labels(stage).inc(cpuMs / 1000);
        for (const limit of limits) own.limitHits.labels(limit, stage).inc();
      }
    },
  };
}

function metricsOn(registry: Registry) {
  const counter = (name: string, help: string, labelNames: readonly string[]) =>
    new Counter({ name: `gozolite_${name}`, help, labelNames, registers: [registry] });
  const histogram = (name: string, help: string, label: string, buckets: number[]) =>
    new Histogram({
      ...{ name: `gozolite_${name}`, help, buckets },
      ...{ labelNames: [label], registers: [registry] },
    });
  return {
    requests: counter('http_requests_total', 'Requests answered.', ['route', 'method', 'status']),
    requestSeconds: histogram(
      'http_request_duration_seconds',
      'From the headers to the end of the answer.',
      'route',
      SECONDS,
    ),
    refusals: counter('refusals_total', 'Requests refused, by the code of the problem.', ['code']),
    limited: counter('limited_total', 'Refused by a rate or quota, by its name.', ['limit']),
    executions: counter('executions_total', 'Executions that ended.', ['language', 'status']),
    failures: counter('failures_total', 'Executions that failed, by the failure.', ['error']),
    sandboxes: counter('sandboxes_total', 'Executions by whether all was prepared.', ['start']),
    stageSeconds: histogram(
      'stage_duration_seconds',
      'Stages of executions: queue, prepare, compile, run, and total.',
      'stage',
      SECONDS,
    ),
    memoryBytes: histogram('memory_peak_bytes', 'Peak memory of a stage.', 'stage', BYTES),
    cpuSeconds: counter('cpu_seconds_total', 'CPU time that programs used.', ['stage']),
    limitHits: counter('limit_hits_total', 'Limits that programs met.', ['limit', 'stage']),
  };
}
