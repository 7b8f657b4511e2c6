import type { Execution } from '@gozolite/contract/execution';
import type { StageName } from '@gozolite/contract/limits';
import type {
  Backend,
  Layer,
  OutputChunk,
  SandboxCommand,
  SandboxResult,
} from '@gozolite/sandbox/backend';
import type { Interaction } from '@gozolite/sandbox/interaction';
import type { LogFields, Logger } from '@gozolite/telemetry/logger';
import type { SpanName } from '@gozolite/telemetry/tracing/span';
import type { Admitted } from './admitted.js';
import { captureArtifacts, captureStage } from './capture/capture.js';
import { diagnosticsOf } from './capture/diagnostics.js';
import type { Clock } from './clock.js';
import { type Commands, commandsFor } from './commands.js';
import type { Demand } from './demand/demand.js';
import type { IsolationMemory } from './isolation.js';
import { type Judgement, judge } from './judge.js';
import type { Admission, Slot } from './queue/queue.js';
import { type Ending, NO_TIME, recordOf } from './record.js';
import { traceSandbox } from './trace.js';

export interface ExecuteDeps {
  readonly backend: Backend;
  readonly isolation: IsolationMemory;
  readonly log: Logger;
  readonly clock: Clock;
  /** Hundreds of programs may end at once: each is dealt with in a turn of the loop of its own. */
  readonly turn: () => Promise<void>;
  readonly demand: Demand | undefined;
  /** It has its slot: its program is about to be prepared. */
  readonly onStarted?: ((admitted: Admitted) => void) | undefined;
}

/** Who looks on while it goes through its stages. Neither call may throw. */
export interface Watch {
  readonly stage: (name: StageName) => void;
  /** As it is written, in order. */
  readonly output: (name: StageName, chunk: OutputChunk) => void;
}

export interface Begun {
  readonly admitted: Admitted;
  readonly signal: AbortSignal;
  /** Of the place that it has in the queue. */
  readonly admission: Promise<Admission>;
  /** Nothing is made for it before: absent, at once. */
  readonly mayStart?: Promise<void> | undefined;
  readonly watch?: Watch | undefined;
  /** Who talks to its program while that runs. */
  readonly interaction?: Interaction | undefined;
}

/** One execution's life: each stage takes what only the stage before makes. */
export async function execute(deps: ExecuteDeps, begun: Begun): Promise<Execution> {
  const life = { ...deps, ...begun, beganAtMs: deps.clock.monotonicMs() };
  const queued = await queue(life);
  if (queued.kind === 'left') return record(life, queued.ending);
  using _ = queued.slot;
  await life.mayStart;
  if (life.signal.aborted) return record(life, leftQueue({ status: 'cancelled' }, queued.queueMs));
  deps.onStarted?.(begun.admitted);
  const prepared = prepare(life, queued);
  await using compiled = await compile(life, prepared);
  const ran = await run(life, compiled);
  return record(life, await capture(life, ran));
}

interface Life extends ExecuteDeps, Begun {
  readonly beganAtMs: number;
}

type Queued =
  | { readonly kind: 'queued'; readonly slot: Slot; readonly queueMs: number }
  | { readonly kind: 'left'; readonly ending: Ending };

async function queue(life: Life): Promise<Queued> {
  const admission = await life.admission;
  const queueMs = life.clock.monotonicMs() - life.beganAtMs;
  finished(life, { stage: 'queue', wallMs: queueMs, outcome: admission.kind });
  trace(life, 'queue', life.beganAtMs);
  if (admission.kind === 'slot') return { kind: 'queued', slot: admission.slot, queueMs };
  const judgement: Judgement =
    admission.kind === 'cancelled'
      ? { status: 'cancelled' }
      : {
          status: 'failed',
          error: 'OVERLOADED',
          message: `no slot came free within ${Math.round(queueMs)} ms`,
        };
  return { kind: 'left', ending: leftQueue(judgement, queueMs) };
}

function leftQueue(judgement: Judgement, queueMs: number): Ending {
  return { judgement, artifacts: [], prepared: false, timings: { ...NO_TIME, queueMs } };
}

interface Prepared {
  readonly commands: Commands;
  readonly queueMs: number;
  readonly prepareMs: number;
}

function prepare(life: Life, { queueMs }: Extract<Queued, { kind: 'queued' }>): Prepared {
  const beganAtMs = life.clock.monotonicMs();
  const commands = commandsFor(life.admitted);
  const prepareMs = life.clock.monotonicMs() - beganAtMs;
  finished(life, { stage: 'prepare', wallMs: prepareMs });
  trace(life, 'prepare', beganAtMs);
  return { commands, queueMs, prepareMs };
}

interface Compiled extends AsyncDisposable {
  readonly prepared: Prepared;
  /** `ok` where the run may begin, also where the language has nothing to compile. */
  readonly judgement: Judgement;
  readonly stage: StageRun | undefined;
  readonly layer: Layer | undefined;
}

async function compile(life: Life, prepared: Prepared): Promise<Compiled> {
  const command = prepared.commands.compile;
  const stage = command && (await runStage(life, 'compile', command));
  const layer = stage?.result.layer;
  return {
    prepared,
    stage,
    layer,
    judgement: stage?.judgement ?? { status: 'ok' },
    [Symbol.asyncDispose]: async () => layer?.[Symbol.asyncDispose](),
  };
}

interface Ran {
  readonly compiled: Compiled;
  readonly judgement: Judgement;
  readonly stage: StageRun | undefined;
}

async function run(life: Life, compiled: Compiled): Promise<Ran> {
  const { judgement, layer, prepared } = compiled;
  if (judgement.status !== 'ok') return { compiled, judgement, stage: undefined };
  const stage = await runStage(life, 'run', prepared.commands.run(layer));
  return { compiled, judgement: stage.judgement, stage };
}

async function capture(life: Life, ran: Ran): Promise<Ending> {
  const { compiled, judgement, stage } = ran;
  const beganAtMs = life.clock.monotonicMs();
  const { queueMs, prepareMs } = compiled.prepared;
  const ending = {
    judgement,
    ...(compiled.stage === undefined ? {} : { compile: await captureStage(compiled.stage.result) }),
    ...(stage === undefined ? {} : { run: await captureStage(stage.result) }),
    artifacts: await captureArtifacts(stage?.result.artifacts ?? []),
    diagnostics: diagnosticsOf(life.admitted.recipe, {
      compile: compiled.stage?.result,
      run: judgement.status === 'runtime_error' ? stage?.result : undefined,
    }),
    prepared: areAllPrepared([compiled.stage, stage]),
    connections: stage?.result.connections ?? [],
    timings: {
      queueMs,
      prepareMs: prepareMs + (compiled.stage?.prepareMs ?? 0) + (stage?.prepareMs ?? 0),
      compileMs: compiled.stage?.activeMs ?? 0,
      runMs: stage?.activeMs ?? 0,
      totalMs: 0,
    },
  };
  finished(life, { stage: 'capture', wallMs: life.clock.monotonicMs() - beganAtMs });
  trace(life, 'capture', beganAtMs);
  return ending;
}

/** Of the stages that had a sandbox, and there was one. */
function areAllPrepared(stages: readonly (StageRun | undefined)[]): boolean {
  const ran = stages.filter((stage) => stage !== undefined);
  return ran.length > 0 && ran.every(({ result }) => result.prepared);
}

async function record(life: Life, ending: Ending): Promise<Execution> {
  const beganAtMs = life.clock.monotonicMs();
  await life.isolation.refresh();
  const totalMs = life.clock.monotonicMs() - life.beganAtMs;
  const timings = { ...ending.timings, totalMs };
  const execution = recordOf(life.admitted, { ...ending, timings }, life.isolation.last());
  const { status, error } = ending.judgement;
  const why = error === undefined ? {} : { failure: error };
  finished(life, { stage: 'record', wallMs: totalMs, status, ...why });
  trace(life, 'record', beganAtMs);
  return execution;
}

/** One command's sandbox, from the call to its end. */
interface StageRun {
  readonly result: SandboxResult;
  readonly judgement: Judgement;
  readonly prepareMs: number;
  readonly activeMs: number;
}

async function runStage(life: Life, name: StageName, command: SandboxCommand): Promise<StageRun> {
  const beganAtMs = life.clock.monotonicMs();
  const { language, version } = life.admitted.recipe;
  const about = { language, version, stage: name };
  const { watch, interaction } = life;
  life.demand?.asked(command, about);
  watch?.stage(name);
  const result = await life.backend.run(command, {
    signal: life.signal,
    ...(watch && { onOutput: (chunk: OutputChunk) => watch.output(name, chunk) }),
    // Nobody talks to a compiler.
    ...(interaction && name === 'run' && { interaction }),
  });
  life.demand?.served(command, about, result.prepared);
  const wallMs = life.clock.monotonicMs() - beganAtMs;
  traceSandbox(
    life.admitted.span,
    name,
    { fromMs: beganAtMs, untilMs: beganAtMs + wallMs },
    result,
  );
  await life.turn();
  if (result.outcome.kind === 'launcher-lost') life.isolation.doubt();
  finished(life, { stage: name, wallMs, outcome: result.outcome.kind });
  const prepareMs = result.prepareMs ?? wallMs;
  const judgement = judge(result.outcome, name);
  return { result, judgement, prepareMs, activeMs: Math.max(0, wallMs - prepareMs) };
}

function finished(life: Life, fields: LogFields): void {
  const { id, requestId, span } = life.admitted;
  const about = { executionId: id, requestId, traceId: span?.traceId };
  life.log.info({ ...about, ...fields }, 'stage finished');
}

function trace({ admitted, clock }: Life, name: SpanName, fromMs: number): void {
  admitted.span?.add(name, { fromMs, untilMs: clock.monotonicMs() });
}
