import { type Level, meetsFloor } from '@gozolite/contract/level';
import type { Outcome } from '@gozolite/contract/outcome';
import { type Backend, BackendUnavailable, type SandboxResult } from './backend.js';

/**
 * A backend in which nothing runs while its isolation is below the floor. The level is asked once,
 * and again after the launcher was lost: another one may have come. A launcher that was told the
 * floor refuses by itself; this holds for one that somebody else started.
 */
export function withFloor(backend: Backend, floor: Level): Backend {
  let asking: Promise<Level> | undefined;
  const obstacle = async (own: Level = floor): Promise<Outcome | undefined> => {
    try {
      asking ??= backend.diagnose().then(({ isolation }) => isolation.level);
      const level = await asking;
      const missed = [floor, own].find((each) => !meetsFloor(level, each));
      return missed === undefined ? undefined : { kind: 'below-floor', level, floor: missed };
    } catch (error) {
      asking = undefined;
      if (!(error instanceof BackendUnavailable)) throw error;
      return { kind: 'launcher-lost', reason: error.message };
    }
  };
  return {
    name: backend.name,
    ...(backend.talks === undefined ? {} : { talks: backend.talks }),
    diagnose: () => backend.diagnose(),
    ...(backend.keepReady && {
      // Nothing waits for what will not run.
      keepReady: async (lines, ageMs) => {
        if ((await obstacle()) !== undefined) throw new BackendUnavailable('nothing may run');
        return (await backend.keepReady?.(lines, ageMs)) ?? [];
      },
    }),
    run: async (command, options) => {
      const outcome = await obstacle(command.floor);
      // What is below the floor may be so no more when its owner has mended it.
      if (outcome !== undefined) asking = undefined;
      const result =
        outcome === undefined ? await backend.run(command, options) : nothingRan(outcome);
      if (result.outcome.kind === 'launcher-lost') asking = undefined;
      return result;
    },
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
}

function nothingRan(outcome: Outcome): SandboxResult {
  return {
    outcome,
    usage: { wallUs: 0, cpuUs: 0, memoryKb: 0, stdoutBytes: 0, stderrBytes: 0 },
    limitsHit: [],
    stdout: new Uint8Array(),
    stderr: new Uint8Array(),
    truncated: { stdout: false, stderr: false },
    artifacts: [],
    prepareMs: null,
    prepared: false,
  };
}
