import type { StageName } from '@gozolite/contract/limits';
import type { SandboxResult } from '@gozolite/sandbox/backend';
import type { Span, SpanAttributes, Stretch } from '@gozolite/telemetry/tracing/span';

/** One command's sandbox as a trace tells it, from what the backend says of its times. */
export function traceSandbox(
  span: Span | undefined,
  stage: StageName,
  { fromMs, untilMs }: Stretch,
  result: SandboxResult,
): void {
  if (span === undefined) return;
  const whole = span.add(stage, { fromMs, untilMs }, attributesOf(result));
  const { startedAtMs, prepareMs, usage } = result;
  if (startedAtMs === undefined || prepareMs === null) return;
  const within = (atMs: number) => Math.min(Math.max(atMs, fromMs), untilMs);
  const takenAtMs = within(startedAtMs - prepareMs);
  const begunAtMs = within(startedAtMs);
  const endedAtMs = within(startedAtMs + usage.wallUs / 1000);
  whole.add('hand over', { fromMs, untilMs: takenAtMs });
  whole.add('sandbox', { fromMs: takenAtMs, untilMs: begunAtMs });
  whole.add('program', { fromMs: begunAtMs, untilMs: endedAtMs });
  whole.add('collect', { fromMs: endedAtMs, untilMs });
}

function attributesOf({ outcome, usage, prepared }: SandboxResult): SpanAttributes {
  return {
    'gozolite.outcome': outcome.kind,
    'gozolite.prepared': prepared,
    'gozolite.cpu_ms': Math.round(usage.cpuUs / 1000),
    'gozolite.memory_kb': usage.memoryKb,
    ...(outcome.kind === 'limit-exceeded' ? { 'gozolite.limit': outcome.limit } : {}),
    ...(outcome.kind === 'setup-failed' ? { 'gozolite.setup_step': outcome.step } : {}),
  };
}
