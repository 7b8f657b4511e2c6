import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Place } from '@gozolite/attacks/attempt';
import { cgroupRoots, leftOnHost } from '@gozolite/attacks/left-on-host';
import type { Backend } from '@gozolite/sandbox/backend';
import { createContainerBackend } from '@gozolite/sandbox/backends/container/container-backend';

/** The engine that scripts/test/container/container-suite.mjs started. */
export interface TestEngine {
  readonly socket: string;
  readonly image: string;
  readonly cgroup: string;
  readonly env: Readonly<Record<string, string>>;
}

export function testEngine(): TestEngine {
  const text = process.env.GOZO_TEST_ENGINE;
  if (!text) throw new Error('run these tests by node scripts/test.mjs --only container');
  return JSON.parse(text);
}

export interface OwnBackend extends AsyncDisposable {
  readonly backend: Backend;
  readonly folder: string;
}

/** A backend with a folder of its own: its containers are nobody else's to sweep. */
export function ownBackend(
  more: { folder?: string; image?: string; packs?: string } = {},
): OwnBackend {
  const { socket, image } = testEngine();
  const folder = more.folder ?? mkdtempSync(join(tmpdir(), 'gozo-backend-'));
  const backend = createContainerBackend({
    ...{ socketPath: socket, image: more.image ?? image, runtime: '', folder },
    ...(more.packs === undefined ? {} : { packs: more.packs }),
  });
  return {
    backend,
    folder,
    [Symbol.asyncDispose]: async () => {
      await backend[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Where the attacks run: containers, on a host that is the engine's own world (outer.py). */
export function containerPlace(): Place & AsyncDisposable {
  const { cgroup, env } = testEngine();
  const own = ownBackend();
  return {
    backend: own.backend,
    env,
    left: (mark) => leftOnHost(engineFolders(cgroup), mark, false),
    goneMsMax: 10_000,
    [Symbol.asyncDispose]: () => own[Symbol.asyncDispose](),
  };
}

/** The engine makes the containers' cgroups below this one. */
function engineFolders(cgroup: string): string[] {
  return cgroupRoots().map((root) => join(root, cgroup, 'engine'));
}
