import { randomUUID } from 'node:crypto';
import type {
  Backend,
  OutputChunk,
  SandboxCommand,
  SandboxResult,
} from '@gozolite/sandbox/backend';
import type { Attack } from './corpus.js';
import type { Evidence } from './ending.js';
import { type Compile, commandOf, limitsOf, programOf } from './programs.js';

/** Where attacks run: a backend, and the host around it. */
export interface Place {
  readonly backend: Backend;
  /** What the attacks are told of the host (`HOST_FILE` and its like). */
  readonly env: Readonly<Record<string, string>>;
  /** What is left on the host of the run whose processes carry this mark in their environment. */
  left(mark: string): Evidence['left'];
  /** How long a removal may take there; a second where it is not given. */
  readonly goneMsMax?: number;
}

/** A run ends by its wall time at the latest; this is for what comes after. */
const SPEAK_MS_MORE = 10_000;
/** How long a neighbour that was struck may take to say so, on a machine that is busy. */
const STRUCK_MS_MAX = 1000;
/** A sandbox that ended must have left nothing by then; a killed one is waited for as long. */
const GONE_MS_MAX = 1000;

/** Runs the attack, with all that goes before and beside it, and gathers what can be seen of it. */
export async function attempt(place: Place, attack: Attack, compileC: Compile): Promise<Evidence> {
  const options = optionsOf(attack, place);
  const run = async (code: string, more = {}) => {
    const program = await programOf(attack, code, compileC);
    return start(place, commandOf(program, { ...options, ...more }));
  };
  if (attack.before !== undefined) await (await run(attack.before)).ended;
  const beside = attack.beside === undefined ? undefined : await run(attack.beside);
  await beside?.spoke;
  const main = await run(attack.code, { artifacts: attack.artifacts ?? [] });
  if (attack.walk_away === true) {
    await main.spoke;
    main.walkAway();
  }
  const result = await main.ended;
  const { beside: sign } = attack.succeeds;
  if (sign !== undefined) await beside?.says(new RegExp(sign, 'm'), STRUCK_MS_MAX);
  beside?.walkAway();
  const besideResult = await beside?.ended;
  return evidenceOf(result, besideResult, await leftAfter(place, options.env.GOZO_MARK));
}

/** Runs the harmless sibling alone. */
export async function attemptTwin(place: Place, attack: Attack, compileC: Compile) {
  const options = optionsOf(attack, place);
  const { code = attack.code, args = [] } = attack.twin;
  const program = await programOf(attack, code, compileC);
  const command = commandOf(program, { ...options, args, artifacts: attack.artifacts ?? [] });
  const result = await start(place, command).ended;
  return evidenceOf(result, undefined, await leftAfter(place, options.env.GOZO_MARK));
}

function optionsOf(attack: Attack, place: Place) {
  // Every process of the sandbox inherits the mark, and the host can read it.
  const env = { ...place.env, GOZO_MARK: `gozo-mark-${randomUUID()}` };
  return { env, limits: limitsOf(attack) };
}

/** Starts a command; `spoke` settles at its first output or its end. */
export function start({ backend }: Pick<Place, 'backend'>, command: SandboxCommand) {
  const abort = new AbortController();
  const listeners = new Set<() => void>();
  let said = '';
  const hear = () => {
    for (const listener of listeners) listener();
  };
  const onOutput = ({ bytes }: OutputChunk) => {
    said += textOf(bytes);
    hear();
  };
  let isOver = false;
  const ended = backend.run(command, { signal: abort.signal, onOutput });
  const over = () => {
    isOver = true;
    hear();
  };
  ended.then(over, over);
  /** Resolves once it printed what is looked for, has ended, or the time is over. */
  const says = (pattern: RegExp, msMax: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(() => done(), msMax);
      const done = () => {
        clearTimeout(timer);
        listeners.delete(look);
        resolve();
      };
      const look = () => {
        if (isOver || pattern.test(said)) done();
      };
      listeners.add(look);
      look();
    });
  const spoke = says(/./s, command.limits.wall_time_ms + SPEAK_MS_MORE);
  return { ended, spoke, says, walkAway: () => abort.abort() };
}

/** Looks until nothing is left, or the time that a removal may take is over. */
async function leftAfter(place: Place, mark: string): Promise<Evidence['left']> {
  const deadline = performance.now() + (place.goneMsMax ?? GONE_MS_MAX);
  let left = place.left(mark);
  while (left !== 'nothing' && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    left = place.left(mark);
  }
  return left;
}

function evidenceOf(
  result: SandboxResult,
  beside: SandboxResult | undefined,
  left: Evidence['left'],
): Evidence {
  return {
    outcome: result.outcome,
    stdout: textOf(result.stdout),
    stderr: textOf(result.stderr),
    beside: beside === undefined ? '' : textOf(beside.stdout),
    artifacts: result.artifacts.map((file) => `${file.path}: ${textOf(file.content)}`).join('\n'),
    left,
  };
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}
