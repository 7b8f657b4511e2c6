import assert from 'node:assert/strict';
import { GozoProblem } from '@gozolite/sdk/errors';
import type { Gozo } from '@gozolite/sdk/gozo';

export const HELLO = { language: 'bash', code: 'echo hello' };
export const SLEEPING = { language: 'bash', code: 'sleep 30', limits: { wall_time_ms: 40_000 } };

/** The server that a group of tests has, once it is there. */
export type Its = () => { readonly url: string; readonly gozo: Gozo };

/** How a call was refused, or `ok`. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'ok';
  } catch (error) {
    assert.ok(error instanceof GozoProblem, String(error));
    return `${error.status} ${error.code}`;
  }
}

/** A POST as any client does it. */
export async function send(url: string, body: unknown, headers: Record<string, string> = {}) {
  const init = { 'content-type': 'application/json', ...headers };
  return fetch(url, { method: 'POST', headers: init, body: JSON.stringify(body) });
}
