import assert from 'node:assert/strict';
import type { Execution } from '@gozolite/contract/execution';
import type { Smoke } from '@gozolite/languages/smokes/smokes';
import { serverUnderTest } from '../server-under-test.js';

const BOOTED_MS_MAX = 150_000;
const PAUSE_MS_MAX = 3_000;

export type Request = Smoke['request'];

export async function execute(url: string, language: string, request: Request): Promise<Execution> {
  const response = await fetch(new URL('/execute', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ language, ...request }),
  });
  assert.equal(response.status, 200);
  const execution: Execution = JSON.parse(await response.text());
  return execution;
}

/** The first of these is booted for by the one before it, once the launcher has a quiet moment. */
export async function executeBooted(language: string, request: Request): Promise<Execution> {
  const until = performance.now() + BOOTED_MS_MAX;
  // Booting has the smallest share of the CPU: who asks without a pause starves what he waits for.
  for (let pauseMs = 50; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
    const execution = await execute(serverUnderTest().url, language, request);
    if (execution.prepared) return execution;
    assert.ok(
      performance.now() < until,
      `no runtime was ever booted for it: ${execution.stage}, ${execution.status}`,
    );
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

export function seen({ status, stage, limit, stdout, stderr, exit_code, signal }: Execution) {
  return { status, stage, limit, stdout, stderr, exit_code, signal };
}
