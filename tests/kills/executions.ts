import { readFileSync } from 'node:fs';
import type { Execution } from '@gozolite/contract/execution';
import { sandboxProcesses, type TestServer } from '../../scripts/test/test-server.mjs';
import { eventually } from '../server-under-test.js';

/** How one caller's request ended, and when (ms since an arbitrary start). */
export type Ending =
  | {
      readonly kind: 'answer';
      readonly http: number;
      readonly record: Execution;
      readonly atMs: number;
    }
  | { readonly kind: 'closed'; readonly atMs: number };

export async function execute(url: string, request: object): Promise<Ending> {
  try {
    const answer = await fetch(`${url}/execute`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    });
    const record: Execution = JSON.parse(await answer.text());
    return { kind: 'answer', http: answer.status, record, atMs: performance.now() };
  } catch {
    return { kind: 'closed', atMs: performance.now() };
  }
}

/** Starts executions that sleep, at once, and waits until all of their programs run. */
export async function startSleepers(
  server: TestServer,
  count: number,
  request: object,
): Promise<readonly Promise<Ending>[]> {
  const endings = Array.from({ length: count }, () => execute(server.url, request));
  await eventually(`${count} sleeping programs`, 20_000, () => {
    const sleeping = sandboxProcesses(server.uidBase).filter((pid) => nameOf(pid) === 'sleep');
    return sleeping.length >= count || undefined;
  });
  return endings;
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return ''; // Ended since the folder was read.
  }
}
