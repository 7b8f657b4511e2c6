import assert from 'node:assert/strict';
import type { ExecutionEvent } from '@gozolite/sdk/events';
import { test } from 'vitest';
import { type Its, SLEEPING } from './calls.js';

/** What is told of an execution as it goes: for executions.test.ts, which has the server. */
export function eventsOf(its: Its): void {
  test('events tell what happens, with the output as it is written', async () => {
    const { gozo, url } = its();
    const { id } = await gozo.submit({ language: 'bash', code: 'echo é; sleep 0.2; echo b >&2' });
    const seen: ExecutionEvent[] = [];
    for await (const event of gozo.events(id)) seen.push(event);
    const names = seen.map(({ name }) => name).filter((name) => name !== 'output');
    assert.deepEqual(names, ['queued', 'started', 'ended']);
    const written = seen.flatMap((each) => (each.name === 'output' ? [each.data] : []));
    const of = (stream: string) =>
      written.flatMap((each) => (each.stream === stream ? [each.content] : [])).join('');
    assert.deepEqual([of('stdout'), of('stderr')], ['é\n', 'b\n']);
    assert.ok(written.every(({ time_ms }, at) => time_ms >= (written[at - 1]?.time_ms ?? 0)));
    const last = seen.at(-1);
    assert.equal(last?.name === 'ended' && last.data.record?.stdout, 'é\n');
    const events = `${url}/executions/${id}/events`;
    const text = await (await fetch(events)).text();
    // A moment late, and in two halves: the same.
    const late = [...text.matchAll(/^id: (.*)\nevent: (.*)$/gm)].map(([, , name]) => name);
    assert.deepEqual(
      late,
      seen.map(({ name }) => name),
    );
    const headers = { 'last-event-id': '1' };
    const rest = await (await fetch(events, { headers })).text();
    assert.match(rest, /^id: 2\nevent: started\n/);
    assert.match(rest, /\n\nid: end\nevent: ended\ndata: \{.*\}\n\n$/);
    const done = await fetch(events, { headers: { 'last-event-id': 'end' } });
    assert.equal(done.status, 204);
    assert.equal((await fetch(`${url}/executions/exe_x/events`)).status, 404);
  });

  test('who comes back is told what it has not seen', async () => {
    const { gozo, url } = its();
    const { id } = await gozo.submit({ ...SLEEPING, code: 'echo one; echo two >&2; sleep 30' });
    const first = gozo.events(id);
    for await (const event of first) if (event.name === 'output') break;
    const headers = { 'last-event-id': '1' };
    const leaving = new AbortController();
    const again = await fetch(`${url}/executions/${id}/events`, {
      headers,
      signal: leaving.signal,
    });
    const reader = again.body?.getReader();
    const { value } = (await reader?.read()) ?? {};
    assert.match(Buffer.from(value ?? []).toString(), /^id: 2\nevent: started\n/);
    leaving.abort();
    assert.equal((await gozo.cancel(id)).status, 'cancelled');
  });
}
