import type { Socket } from 'node:net';
import { type ContainerPlan, creationOf, OWNER_LABEL } from '../specification.js';
import { type EngineApi, reasonOf } from './engine-api.js';
import { isRecord } from './image.js';

/** A removed container is asked for again until the engine knows it no longer. */
const GONE_MS_MAX = 30_000;
const ASK_AGAIN_MS = 50;
/** No run lasts longer. */
const EVENT_SECONDS_MAX = 900;

/** The engine would not do what it was asked: no program ran. */
export class EngineRefused extends Error {
  override readonly name = 'EngineRefused';
  constructor(
    readonly step: 'container-create' | 'container-start' | 'container-update',
    readonly answer: string,
  ) {
    super(`${step}: ${answer}`);
  }
}

/** One container, from its creation to the proof that it is gone. */
export interface Container {
  /** @throws EngineAway */
  attach(): Promise<Socket>;
  /** @throws EngineRefused, EngineAway */
  start(): Promise<void>;
  /** @throws EngineRefused, EngineAway */
  update(body: object): Promise<void>;
  /** How it ended, by the engine's own account. Never rejects. */
  end(): Promise<ContainerEnd>;
  /** Kills what runs and removes it. @returns whether the engine knows it no longer */
  remove(): Promise<boolean>;
}

export interface ContainerEnd {
  /** The kernel killed a process of it for memory, and told the engine. */
  readonly oomKilled: boolean;
  readonly detail: string;
}

/** @throws EngineRefused, EngineAway */
export async function createContainer(engine: EngineApi, plan: ContainerPlan): Promise<Container> {
  const answer = await engine.call('POST', '/containers/create', creationOf(plan));
  const id = isRecord(answer.body) ? answer.body.Id : undefined;
  if (answer.status !== 201 || typeof id !== 'string') {
    throw new EngineRefused('container-create', reasonOf(answer));
  }
  return {
    attach: () => engine.attach(id),
    start: async () => {
      const started = await engine.call('POST', `/containers/${id}/start`);
      if (started.status !== 204) throw new EngineRefused('container-start', reasonOf(started));
    },
    update: async (body) => {
      const updated = await engine.call('POST', `/containers/${id}/update`, body);
      if (updated.status !== 200) throw new EngineRefused('container-update', reasonOf(updated));
    },
    end: () => endOf(engine, id),
    remove: () => removeContainer(engine, id),
  };
}

async function endOf(engine: EngineApi, id: string): Promise<ContainerEnd> {
  try {
    // The stream ends a moment before the engine has written down why.
    await engine.call('POST', `/containers/${id}/wait`);
    const answer = await engine.call('GET', `/containers/${id}/json`);
    const state = isRecord(answer.body) && isRecord(answer.body.State) ? answer.body.State : {};
    const error = typeof state.Error === 'string' ? state.Error : '';
    const detail = `its process 1 ended with ${state.ExitCode}${error === '' ? '' : `, ${error}`}`;
    const killed =
      state.OOMKilled === true || (state.ExitCode === 137 && (await wasToldOfOom(engine, id)));
    return { oomKilled: killed, detail };
  } catch (error) {
    return { oomKilled: false, detail: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * Whether the engine was told that the container met its memory limit. Its `OOMKilled` forgets that
 * where process 1 itself was chosen (Docker 20.10); its events do not.
 */
async function wasToldOfOom(engine: EngineApi, id: string): Promise<boolean> {
  const now = Math.floor(Date.now() / 1000);
  const filters = encodeURIComponent(JSON.stringify({ container: [id], event: ['oom'] }));
  const span = `since=${now - EVENT_SECONDS_MAX}&until=${now + 1}`;
  const { status, body } = await engine.call('GET', `/events?${span}&filters=${filters}`);
  // One event is an object, several are a line each.
  return status === 200 && (isRecord(body) || (typeof body === 'string' && body !== ''));
}

async function removeContainer(engine: EngineApi, id: string): Promise<boolean> {
  const deadline = performance.now() + GONE_MS_MAX;
  for (;;) {
    try {
      const removed = await engine.call('DELETE', `/containers/${id}?force=1&v=1`);
      const known = removed.status === 404 ? removed : await engine.call('GET', pathOf(id));
      if (known.status === 404) return true;
    } catch {
      // An engine that starts again answers later.
    }
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
  }
}

function pathOf(id: string): string {
  return `/containers/${id}/json`;
}

/**
 * Takes away what an earlier life of this server left: its containers ended with it (their input
 * did), but the engine still knows them.
 * @throws EngineAway, or an error that names the containers that stay
 */
export async function sweep(engine: EngineApi, owner: string): Promise<number> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`${OWNER_LABEL}=${owner}`] }));
  const answer = await engine.call('GET', `/containers/json?all=1&filters=${filters}`);
  const listed = Array.isArray(answer.body) ? answer.body : [];
  const ids = listed.flatMap((each) =>
    isRecord(each) && typeof each.Id === 'string' ? [each.Id] : [],
  );
  const removed = await Promise.all(ids.map((id) => removeContainer(engine, id)));
  const left = ids.filter((_, index) => removed[index] !== true);
  if (left.length > 0) throw new Error(`containers that can't be removed: ${left.join(', ')}`);
  return ids.length;
}
