import { type OwnServer, startOwnServer } from '../../tests/integration/own-server.js';
import { eventually, readPids } from '../../tests/server-under-test.js';

/** One start of a server that is killed again and again. */
export interface Life {
  readonly url: string;
  /** From 1. */
  readonly number: number;
}

/** A server on one folder, with all of its lives. Disposing of it kills the last one. */
export interface Lives extends AsyncDisposable {
  /** The one that is up; while none is, the next. */
  current(): Promise<Life>;
  /** kill -9, and another life. */
  kill(): Promise<void>;
  /** The same of the launcher, under a server that stays. */
  killLauncher(): Promise<void>;
  /** As Ctrl-C does it. @returns the exit code */
  stop(): Promise<number | null>;
  count(): number;
}

export interface LivesOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Of the launcher's supervisor. */
  readonly pidsFile: string;
  /** Told between two lives, while nobody has the folder. */
  readonly onDead: () => Promise<void>;
}

const LAUNCHER_MS_MAX = 60_000;

export async function startLives({ env, pidsFile, onDead }: LivesOptions): Promise<Lives> {
  let server: OwnServer = await startOwnServer(env);
  let number = 1;
  let life: Promise<Life> = Promise.resolve({ url: server.url, number });
  /** Nobody finds the old one any more as soon as this is called. */
  const pass = (work: () => Promise<void>): Promise<void> => {
    const next = life.then(work);
    life = next.then(() => ({ url: server.url, number }));
    return next;
  };
  return {
    current: () => life,
    count: () => number,
    kill: () =>
      pass(async () => {
        server.child.kill('SIGKILL');
        await server.ended;
        await server[Symbol.asyncDispose]();
        await onDead();
        server = await startOwnServer(env);
        number += 1;
      }),
    killLauncher: () =>
      pass(async () => {
        const { launcher } = readPids(pidsFile);
        process.kill(launcher, 'SIGKILL');
        await eventually('another launcher', LAUNCHER_MS_MAX, async () => {
          const isNew = readPids(pidsFile).launcher !== launcher;
          return (isNew && (await isReady(server.url))) || undefined;
        });
      }),
    stop: async () => {
      await life;
      server.child.kill('SIGTERM');
      return (await server.ended).exitCode;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function isReady(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/readyz`).catch(() => undefined);
  return answer?.status === 200;
}
