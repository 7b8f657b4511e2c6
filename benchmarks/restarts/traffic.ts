import { type Asked, get, keyOf, once, TRIES, type TrafficDeps, untilAnswered } from './asking.js';
import { type Answered, batchIn, keptIn, problemOf, recordIn } from './client.js';
import type { Expected } from './ledger.js';
import { mixedUp, type Program, programOf, sleeperOf } from './programs.js';

const BATCH = 3;

type Way = (asked: Asked) => Promise<void>;

/** Each in its turn. Its length has no factor in common with those of the programs. */
const WAYS: readonly Way[] = [
  execute,
  executeKeyed,
  submitKeyed,
  submitAndWait,
  execute,
  batchKeyed,
  hooked,
  executeKeyed,
  cancelled,
  submit,
  leaving,
  leavingKeyed,
  refused,
  execute,
  submitKeyed,
  tooFast,
  tooMuch,
];

/** How many executions a request with this number is for. */
export function sizeOf(number: number): number {
  return WAYS[number % WAYS.length] === batchKeyed ? BATCH : 1;
}

/** Sends one, and does what its sender would do with what comes. */
export async function ask(deps: TrafficDeps, number: number): Promise<void> {
  const way = WAYS[number % WAYS.length] ?? execute;
  const tenant = deps.tenants[number % 7 < 4 ? 0 : 1];
  await way({ ...deps, number, tenant });
}

async function execute(asked: Asked): Promise<void> {
  const { request, expected } = programOf(asked.number);
  const answered = await once(asked, '/execute', request, { way: 'plain' });
  if (answered !== undefined) takeRecord(asked, answered, expected);
}

/** Its caller goes away: what becomes of it is in the log alone. */
async function leaving(asked: Asked): Promise<void> {
  const { number } = asked;
  const program = number % 2 === 0 ? sleeperOf(number) : programOf(number);
  const signal = AbortSignal.timeout(1 + (number % 23));
  const expected: Expected = [...program.expected, 'cancelled'];
  const answered = await once(asked, '/execute', program.request, { way: 'plain', signal });
  if (answered !== undefined) takeRecord(asked, answered, expected);
}

async function executeKeyed(asked: Asked): Promise<void> {
  const { request, expected } = programOf(asked.number);
  const answered = await untilAnswered(asked, '/execute', request);
  if (answered !== undefined) takeRecord(asked, answered, expected);
}

/** The first answer is lost on its way, whatever it was. */
async function leavingKeyed(asked: Asked): Promise<void> {
  const { request, expected } = programOf(asked.number);
  const signal = AbortSignal.timeout(1 + (asked.number % 13));
  const key = keyOf(asked.number);
  await once(asked, '/execute', request, { way: 'kept', signal, key });
  const answered = await untilAnswered(asked, '/execute', request);
  if (answered !== undefined) takeRecord(asked, answered, expected);
}

async function submit(asked: Asked): Promise<void> {
  const { request, expected } = programOf(asked.number);
  const answered = await once(asked, '/executions', request, { way: 'kept' });
  if (answered !== undefined) takeId(asked, answered, expected);
}

async function submitKeyed(asked: Asked): Promise<void> {
  const { request, expected } = programOf(asked.number);
  const answered = await untilAnswered(asked, '/executions', request);
  if (answered !== undefined) takeId(asked, answered, expected);
}

async function submitAndWait(asked: Asked): Promise<void> {
  const { request, expected } = programOf(asked.number);
  const answered = await once(asked, '/executions', request, { way: 'kept' });
  const id = answered && takeId(asked, answered, expected);
  if (id !== undefined) await waitFor(asked, id);
}

async function hooked(asked: Asked): Promise<void> {
  const { request, expected } = programOf(asked.number);
  const told = { ...request, webhook: asked.tenant.webhook };
  const answered = await untilAnswered(asked, '/executions', told);
  const id = answered && takeId(asked, answered, expected);
  if (id !== undefined) asked.ledger.hook(id);
}

async function batchKeyed(asked: Asked): Promise<void> {
  const { number, ledger } = asked;
  const programs = Array.from({ length: BATCH }, (_, at) => programOf(number + at));
  const body = { executions: programs.map(({ request }) => request) };
  const answered = await untilAnswered(asked, '/executions/batch', body);
  if (answered === undefined) return;
  for (const [at, { execution, problem }] of batchIn(answered).executions.entries()) {
    const { expected } = programs[at] ?? programOf(number);
    if (execution !== undefined) ledger.accept(execution.id, expected);
    else ledger.object(`of batch ${number} one was refused: ${problem?.code}`);
  }
}

async function cancelled(asked: Asked): Promise<void> {
  const { ledger, number } = asked;
  const { request, expected } = sleeperOf(number);
  const answered = await untilAnswered(asked, '/executions', request);
  const id = answered && takeId(asked, answered, expected);
  if (id === undefined) return;
  const ended = await get(asked, `/executions/${id}`, 'DELETE');
  if (ended === undefined) return;
  const { status, record } = keptIn(ended);
  if (status === undefined) ledger.object(`${id} was cancelled, and goes on`);
  else ledger.end(id, { status, error: record?.error });
  ledger.note('cancelled');
}

/** What is refused for what it says; each way of refusing in its turn. */
async function refused(asked: Asked): Promise<void> {
  const [code, body] = REFUSED[Math.floor(asked.number / WAYS.length) % REFUSED.length] ?? ['', {}];
  const path = asked.number % 2 === 0 ? '/execute' : '/executions';
  const answered = await once(asked, path, body, { way: 'plain' });
  if (answered === undefined) return;
  const said = problemOf(answered)?.code ?? 'none';
  if (said !== code) asked.ledger.object(`${JSON.stringify(body)}: ${said} instead of ${code}`);
  asked.ledger.refuse(said);
}

const REFUSED: readonly (readonly [string, object])[] = [
  ['FORBIDDEN', { language: 'perl', code: '1' }],
  ['UNKNOWN_LANGUAGE', { language: 'klingon', code: '1' }],
  ['LIMIT_TOO_HIGH', { language: 'bash', code: ':', limits: { wall_time_ms: 1e9 } }],
  ['UNKNOWN_FIELD', { language: 'bash', code: ':', programme: 1 }],
  ['FORBIDDEN', { language: 'bash', code: 'echo forbidden-word' }],
];

async function tooFast(asked: Asked): Promise<void> {
  await mayBeRefused({ ...asked, tenant: asked.hasty }, 'RATE_LIMITED');
}

async function tooMuch(asked: Asked): Promise<void> {
  await mayBeRefused({ ...asked, tenant: asked.poor }, 'QUOTA_EXCEEDED');
}

async function mayBeRefused(asked: Asked, code: string): Promise<void> {
  const { request, expected } = programOf(asked.number);
  const answered = await once(asked, '/executions', request, { way: 'kept' });
  if (answered === undefined) return;
  if (problemOf(answered)?.code === code) asked.ledger.refuse(code);
  else takeId(asked, answered, expected);
}

async function waitFor(asked: Asked, id: string): Promise<void> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const answered = await get(asked, `/executions/${id}?wait_s=20`);
    if (answered === undefined) return;
    const { status, record } = keptIn(answered);
    if (status === undefined || record === undefined) continue;
    asked.ledger.end(id, { status, error: record.error });
    const mixed = mixedUp(asked.number, record);
    if (mixed !== undefined) asked.ledger.object(mixed);
    return;
  }
  asked.ledger.object(`${id} does not end`);
}

function takeRecord({ ledger, number }: Asked, answered: Answered, expected: Expected): void {
  const problem = problemOf(answered);
  if (problem !== undefined) {
    ledger.refuse(problem.code);
    ledger.object(`request ${number}: ${answered.text.slice(0, 300)}`);
    return;
  }
  const record = recordIn(answered);
  ledger.accept(record.id, expected);
  ledger.end(record.id, { status: record.status, error: record.error });
  const mixed = mixedUp(number, record);
  if (mixed !== undefined) ledger.object(mixed);
}

function takeId(
  { ledger, number }: Asked,
  answered: Answered,
  expected: Program['expected'],
): string | undefined {
  const problem = problemOf(answered);
  if (answered.http !== 202 || problem !== undefined) {
    ledger.object(`request ${number}: ${answered.http} ${answered.text.slice(0, 300)}`);
    return undefined;
  }
  const { id } = keptIn(answered);
  ledger.accept(id, expected);
  return id;
}
