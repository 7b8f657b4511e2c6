import assert from 'node:assert/strict';
import type { Diagnostics } from '@gozolite/contract/capabilities';
import type { ExecuteRequest, Execution } from '@gozolite/contract/execution';
import type { Problem } from '@gozolite/contract/refusal';

export function testUrl(): string {
  const url = process.env.GOZO_TEST_URL;
  assert.ok(url, 'GOZO_TEST_URL is not set: node scripts/test.mjs --only integration');
  return url;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** POST /execute as any client does it, without the SDK: the wire itself is under test. */
export async function post(
  body: unknown,
  init: RequestInit = {},
  url = testUrl(),
): Promise<Answer> {
  const response = await fetch(`${url}/execute`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...init,
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

/** Runs a program that is expected to get a record with HTTP 200. */
export async function run(request: ExecuteRequest, url = testUrl()): Promise<Execution> {
  const { status, body } = await post(request, {}, url);
  assert.equal(status, 200, JSON.stringify(body).slice(0, 2000));
  return body as Execution;
}

export function bash(code: string, more: Partial<ExecuteRequest> = {}): Promise<Execution> {
  return run({ language: 'bash', code, ...more });
}

export function python(code: string, more: Partial<ExecuteRequest> = {}): Promise<Execution> {
  return run({ language: 'python', code, ...more });
}

/** Expects a problem with this code, wherever it stands. */
export async function refused(
  body: unknown,
  code: Problem['code'],
  init: RequestInit = {},
): Promise<Problem> {
  const answer = await post(body, init);
  const problem = answer.body as Problem;
  assert.equal(problem.code, code, JSON.stringify(problem).slice(0, 2000));
  assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
  assert.equal(problem.status, answer.status);
  assert.equal(problem.request_id, answer.headers.get('x-request-id'));
  return problem;
}

export async function get<T>(path: string, url = testUrl()): Promise<T> {
  const response = await fetch(`${url}${path}`);
  return (await response.json()) as T;
}

export async function load(url = testUrl()): Promise<Diagnostics['load']> {
  return (await get<Diagnostics>('/diagnostics', url)).load;
}

/** Status, and enough of the record to see why it is another one. */
export function expectStatus(execution: Execution, status: Execution['status']): void {
  const { stdout, stderr, compile, artifacts, ...rest } = execution;
  const cut = [stdout, stderr, compile?.stdout ?? '', compile?.stderr ?? ''].map((text) =>
    text.slice(0, 500),
  );
  assert.equal(execution.status, status, JSON.stringify({ ...rest, cut }));
}

export const MIB = 1024 * 1024;
