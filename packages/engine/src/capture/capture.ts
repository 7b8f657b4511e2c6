import type { Artifact, StageResult } from '@gozolite/contract/execution';
import type { Outcome } from '@gozolite/contract/outcome';
import type { SandboxArtifact, SandboxResult } from '@gozolite/sandbox/backend';
import { mediaTypeOf } from './media-type.js';
import { toText } from './text.js';

/** Where a stage did not run. */
export const NOTHING_RAN: StageResult = {
  stdout: '',
  stderr: '',
  stdout_bytes: 0,
  stderr_bytes: 0,
  exit_code: null,
  signal: null,
  time_ms: 0,
  cpu_time_ms: 0,
  memory_kb: 0,
};

/** One command's result as the record says it. */
export async function captureStage(result: SandboxResult): Promise<StageResult> {
  const { outcome, usage, truncated, limitsHit } = result;
  const stdout = await toText(result.stdout, truncated.stdout);
  const stderr = await toText(result.stderr, truncated.stderr);
  return {
    stdout: stdout.content,
    stderr: stderr.content,
    ...(stdout.encoding === 'base64' ? { stdout_encoding: 'base64' } : {}),
    ...(stderr.encoding === 'base64' ? { stderr_encoding: 'base64' } : {}),
    stdout_bytes: usage.stdoutBytes,
    stderr_bytes: usage.stderrBytes,
    ...(truncated.stdout || truncated.stderr ? { truncated } : {}),
    exit_code: exitCodeOf(outcome),
    signal: signalOf(outcome),
    time_ms: Math.round(usage.wallUs / 1000),
    cpu_time_ms: Math.round(usage.cpuUs / 1000),
    memory_kb: usage.memoryKb,
    ...(outcome.kind === 'limit-exceeded' ? { limit: outcome.limit } : {}),
    ...(limitsHit.length > 0 ? { limits_hit: [...limitsHit] } : {}),
  };
}

export async function captureArtifacts(artifacts: readonly SandboxArtifact[]): Promise<Artifact[]> {
  const captured: Artifact[] = [];
  for (const { path, content: bytes } of artifacts) {
    const { content, encoding } = await toText(bytes, false);
    const mediaType = mediaTypeOf(path, encoding);
    captured.push({ path, bytes: bytes.length, media_type: mediaType, content, encoding });
  }
  return captured;
}

function exitCodeOf(outcome: Outcome): number | null {
  return outcome.kind === 'exited' || outcome.kind === 'limit-exceeded' ? outcome.exitCode : null;
}

function signalOf(outcome: Outcome): string | null {
  return outcome.kind === 'signalled' || outcome.kind === 'limit-exceeded' ? outcome.signal : null;
}
