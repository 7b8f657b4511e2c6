import { createHash } from 'node:crypto';
import type { Finding } from '@gozolite/contract/capabilities';
import { remembered } from '@gozolite/contract/memory/remembered';
import type { Outcome } from '@gozolite/contract/outcome';
import {
  type Backend,
  type BackendDiagnosis,
  BackendUnavailable,
  type RunOptions,
  type SandboxCommand,
  type SandboxResult,
} from '../../backend.js';
import { createReceived } from '../native/received.js';
import { refusedBy } from '../native/session.js';
import { createContainer, sweep } from './engine/container.js';
import { createEngineApi, type EngineApi } from './engine/engine-api.js';
import { findImage, IMAGE_REMEDY, isRecord, type SandboxImage } from './engine/image.js';
import { isolationOf } from './facts.js';
import { greet } from './greeting.js';
import { runSession } from './session.js';
import { createShelf } from './spool.js';
import { treesFor } from './trees.js';
import { createUids, type Uids } from './uids.js';

export interface ContainerBackendOptions {
  /** Of the Docker Engine API. */
  readonly socketPath: string;
  /** An image that scripts/container-image.mjs made. */
  readonly image: string;
  /** A runtime that the engine knows by this name; '' takes its default. */
  readonly runtime: string;
  /** The folder of packs, which the engine has at the same path; absent: none serve. */
  readonly packs?: string;
  /** The server's own folder: outputs of compiles pass through it, and its path owns containers. */
  readonly folder: string;
}

interface Ready {
  readonly image: SandboxImage;
  readonly uids: Uids;
}

/** Sandboxes made by a container engine: a fresh container for each command. */
export function createContainerBackend(options: ContainerBackendOptions): Backend {
  const engine = createEngineApi(options.socketPath);
  const owner = createHash('sha256').update(options.folder).digest('hex').slice(0, 16);
  const shelf = createShelf();
  const living = new Set<Promise<unknown>>();
  const running = new Set<AbortController>();
  let leaving = 0;
  const track = <T>(work: Promise<T>): Promise<T> => {
    living.add(work);
    return work.finally(() => living.delete(work));
  };
  const prepare = remembered(() => makeReady(engine, options.image, owner));
  const look = remembered(async () => lookInside(engine, await prepare(), options.runtime, owner));

  const run = async (command: SandboxCommand, { signal, ...rest }: RunOptions) => {
    // A container has no network, and what can't be had is refused, never left out in silence.
    if (command.network !== undefined) return without(refusedBy('NETWORK'));
    const trees = treesFor(options.packs, command);
    if (!trees.ok) return without(trees.error);
    const layer = command.layer && shelf.get(command.layer.handle);
    if (command.layer !== undefined && layer === undefined) return without(refusedBy('LAYER'));
    const { image, uids } = await prepare();
    const uid = uids.take();
    if (uid === undefined) return without(refusedBy('BUSY'));
    const layerBytes = layer?.bytes ?? 0;
    const { runtime } = options;
    const plan = { image, owner, runtime, uid, command, layerBytes, trees: trees.value };
    const { result, gone } = await whileIn(running, signal, (killed) =>
      runSession({
        ...{ engine, plan, command, layer, keep: shelf.put, folder: options.folder },
        options: { ...rest, signal: killed },
      }),
    );
    leaving += 1;
    const bury = (isGone: boolean) => (isGone ? uids.give(uid) : uids.withhold());
    void track(gone.then(bury).finally(() => (leaving -= 1)));
    return result;
  };
  const diagnose = async (): Promise<BackendDiagnosis> => {
    try {
      const version = await engine.call('GET', '/version');
      const [{ uids }, seen] = await Promise.all([prepare(), look()]);
      const findings = [engineFinding(version.body, options.runtime), ...seen.findings];
      return { ...seen, findings, leaving, quarantined: uids.withheld() };
    } catch (error) {
      throw new BackendUnavailable(messageOf(error), { cause: error });
    }
  };

  return {
    name: 'container',
    diagnose: () => track(diagnose()),
    run: (command, runOptions) =>
      track(run(command, runOptions)).catch((error: unknown) =>
        // The engine or the image is not there: an outcome like any other.
        without({ kind: 'launcher-lost', reason: messageOf(error) }),
      ),
    [Symbol.asyncDispose]: async () => {
      for (const killed of running) killed.abort();
      while (living.size > 0) await Promise.allSettled([...living]);
      shelf[Symbol.dispose]();
      engine[Symbol.dispose]();
    },
  };
}

/** A signal of this work alone, aborted by the caller's or by whoever goes through the set. */
async function whileIn<T>(
  running: Set<AbortController>,
  signal: AbortSignal,
  work: (killed: AbortSignal) => Promise<T>,
): Promise<T> {
  const killed = new AbortController();
  const kill = () => killed.abort();
  running.add(killed);
  signal.addEventListener('abort', kill, { once: true });
  if (signal.aborted) kill();
  try {
    return await work(killed.signal);
  } finally {
    signal.removeEventListener('abort', kill);
    running.delete(killed);
  }
}

function without(outcome: Outcome): SandboxResult {
  return createReceived(0).resultWithout(outcome);
}

async function makeReady(engine: EngineApi, name: string, owner: string): Promise<Ready> {
  await sweep(engine, owner);
  const found = await findImage(engine, name);
  if (found.kind === 'unusable') throw new Error(`${found.reason}. ${IMAGE_REMEDY}`);
  return { image: found.image, uids: createUids(found.image.uidBase) };
}

/** Starts one container, has it say what it finds, and removes it. */
async function lookInside(
  engine: EngineApi,
  { image, uids }: Ready,
  runtime: string,
  owner: string,
): Promise<BackendDiagnosis> {
  const uid = uids.take();
  if (uid === undefined) throw new Error('every uid is in use');
  const command = { id: 'diagnosis', limits: LOOK_LIMITS, stdin: new Uint8Array() };
  const trees = { root: [], data: [] };
  const plan = { image, owner, runtime, uid, command, trees, layerBytes: 0 };
  const container = await createContainer(engine, plan);
  try {
    const facts = await greet(container);
    const isolation = isolationOf(facts, uid);
    const { kernel, architecture, cgroup } = facts;
    const findings = [filterFinding(facts.engineSeccomp), rootFinding(image)];
    return { kernel, architecture, cgroup, isolation, findings, leaving: 0, quarantined: 0 };
  } finally {
    if (await container.remove()) uids.give(uid);
    else uids.withhold();
  }
}

const LOOK_LIMITS = {
  ...{ wall_time_ms: 1000, cpu_time_ms: 1000, memory_kb: 64 * 1024, stack_kb: 1024, cpus: 1 },
  ...{ output_kb: 0, disk_kb: 64, file_kb: 0, processes: 64, open_files: 64 },
};

function engineFinding(version: unknown, runtime: string): Finding {
  const { Version: number } = isRecord(version) ? version : {};
  const by = runtime === '' ? "the engine's default runtime" : `the runtime ${runtime}`;
  return {
    id: 'container-engine',
    state: 'present',
    detail: `Docker Engine ${typeof number === 'string' ? number : '?'}, ${by}.`,
  };
}

function filterFinding(isOn: boolean): Finding {
  const id = 'engine-seccomp';
  if (isOn) {
    return { id, state: 'present', detail: "Process 1 has the engine's half of the filter." };
  }
  return {
    id,
    state: 'warning',
    detail:
      "The runtime took no filter for process 1; the program's own filter is on all the same.",
  };
}

function rootFinding({ id, usr }: SandboxImage): Finding {
  const of = usr === 'host' ? "the host's /usr, bound read-only" : "the image's own /usr";
  return { id: 'container-image', state: 'present', detail: `${id.slice(0, 19)} with ${of}.` };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
