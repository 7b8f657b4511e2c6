import { REQUEST_BOUNDS } from '@gozolite/contract/execution';
import type { Outcome, Usage } from '@gozolite/contract/outcome';
import type { Layer, OutputChunk, SandboxArtifact, SandboxResult } from '../../backend.js';
import type { EndMessage, LauncherMessage } from './protocol/messages.js';

/** What is kept of a stream beyond its limit, should a launcher ever send more. */
const OUTPUT_SLACK_BYTES = 64 * 1024;

const NO_USAGE: Usage = { wallUs: 0, cpuUs: 0, memoryKb: 0, stdoutBytes: 0, stderrBytes: 0 };

/** All that a sandbox's connection has brought so far, each part within its bound. */
export interface Received {
  started(prepareMs: number, prepared: boolean): void;
  output(chunk: OutputChunk): void;
  artifact(message: Extract<LauncherMessage, { type: 'artifact' }>): void;
  /** The result by the launcher's own `end`. */
  resultOf(end: EndMessage, layer: Layer | undefined): SandboxResult;
  /** The result where no `end` came: what had arrived by then is kept. */
  resultWithout(outcome: Outcome): SandboxResult;
}

export function createReceived(outputKb: number): Received {
  const stdout = createStream(outputKb);
  const stderr = createStream(outputKb);
  const artifacts = createArtifactShelf();
  let prepareMs: number | null = null;
  let prepared = false;
  let startedAtMs: number | undefined;

  const soFar = () => ({
    stdout: stdout.bytes(),
    stderr: stderr.bytes(),
    artifacts: artifacts.whole(),
    prepareMs,
    prepared,
    ...(startedAtMs === undefined ? {} : { startedAtMs }),
  });
  return {
    started: (afterMs, wasPrepared) => {
      prepareMs = afterMs;
      prepared = wasPrepared;
      startedAtMs = performance.now();
    },
    output: (chunk) => (chunk.stream === 'stdout' ? stdout : stderr).append(chunk.bytes),
    artifact: (message) => artifacts.add(message),
    resultOf: ({ outcome, usage, limitsHit, truncated, connections }, layer) => ({
      ...soFar(),
      outcome,
      usage,
      limitsHit,
      truncated: {
        stdout: truncated.stdout || stdout.isCut(),
        stderr: truncated.stderr || stderr.isCut(),
      },
      ...(connections === undefined ? {} : { connections }),
      ...(layer === undefined ? {} : { layer }),
    }),
    resultWithout: (outcome) => {
      const kept = soFar();
      return {
        ...kept,
        outcome,
        usage: {
          ...NO_USAGE,
          stdoutBytes: kept.stdout.length,
          stderrBytes: kept.stderr.length,
        },
        limitsHit: [],
        truncated: { stdout: stdout.isCut(), stderr: stderr.isCut() },
      };
    },
  };
}

/** One stream's bytes in one piece of memory, which grows by doubling and never past its bound. */
export interface Stream {
  append(bytes: Uint8Array): void;
  bytes(): Uint8Array;
  /** Whether something was dropped at the bound. */
  isCut(): boolean;
}

export function createStream(outputKb: number): Stream {
  const bytesMax = outputKb * 1024 + OUTPUT_SLACK_BYTES;
  let memory: Uint8Array = new Uint8Array(0);
  let filled = 0;
  let isCut = false;

  const grow = (needed: number) => {
    const larger = new Uint8Array(Math.min(Math.max(needed, 2 * memory.length), bytesMax));
    larger.set(memory.subarray(0, filled));
    memory = larger;
  };
  return {
    append: (bytes) => {
      const kept = bytes.subarray(0, bytesMax - filled);
      isCut ||= kept.length < bytes.length;
      if (filled === 0) {
        memory = kept; // Most programs write once: nothing is copied then.
      } else {
        if (filled + kept.length > memory.length) grow(filled + kept.length);
        memory.set(kept, filled);
      }
      filled += kept.length;
    },
    bytes: () => memory.subarray(0, filled),
    isCut: () => isCut,
  };
}

/** Artifacts put together from their frames: whole files only, at most 64 and 16 MiB in all. */
export interface ArtifactShelf {
  add(piece: { readonly path: string; readonly more: boolean; readonly bytes: Uint8Array }): void;
  whole(): readonly SandboxArtifact[];
}

export function createArtifactShelf(): ArtifactShelf {
  const whole: SandboxArtifact[] = [];
  let open: { readonly path: string; readonly pieces: Uint8Array[] } | undefined;
  let bytes = 0;

  return {
    add: ({ path, more, bytes: piece }) => {
      bytes += piece.length;
      const { artifactFilesMax, artifactBytesMax } = REQUEST_BOUNDS;
      if (whole.length === artifactFilesMax || bytes > artifactBytesMax) {
        open = undefined;
        return;
      }
      if (open?.path !== path) open = { path, pieces: [] };
      open.pieces.push(piece);
      if (more) return;
      whole.push({ path, content: Buffer.concat(open.pieces) });
      open = undefined;
    },
    whole: () => whole,
  };
}
