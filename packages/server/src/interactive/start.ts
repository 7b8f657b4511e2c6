import type { Execution } from '@gozolite/contract/execution';
import type { ClientMessage } from '@gozolite/contract/interactive/interactive';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import type { Admitted } from '@gozolite/engine/admitted';
import type { Asking, Engine } from '@gozolite/engine/engine';
import type { Decide } from '../executions/decide.js';
import type { Call } from '../http/route.js';
import type { Begin, Underway } from './begin.js';
import type { InteractiveSettings } from './settings.js';

export type StartMessage = Extract<ClientMessage, { type: 'start' }>;

export interface StartDeps {
  readonly decide: Decide;
  readonly engine: Pick<Engine, 'missing'>;
  readonly begin: Begin;
  readonly mode: InteractiveSettings['mode'];
}

/** What its first message came to. */
export type Started =
  | { readonly kind: 'underway'; readonly underway: Underway }
  /** Its language has no toolchain here: nothing was to run. */
  | { readonly kind: 'ended'; readonly record: Execution }
  /** Its client went before it was accepted. */
  | { readonly kind: 'gone' };

interface Talk extends Required<Pick<Asking, 'watch' | 'interaction'>> {
  readonly isGone: () => boolean;
}

/** From the first message to a program that runs, through the same stages as POST /execute. */
export type Start = (
  asking: Pick<Call, 'requestId' | 'receivedAt' | 'caller' | 'span'>,
  message: StartMessage,
  talk: Talk,
) => Promise<Result<Started, Refusal>>;

export function createStart({ decide, engine, begin, mode }: StartDeps): Start {
  return async (asking, { request, terminal }, { isGone, ...talk }) => {
    if (terminal !== undefined && mode !== 'terminals') return refuse(NO_TERMINALS);
    const decided = await decide.ofValue(asking, request);
    if (!decided.ok) return decided;
    const { validated, policy } = decided.value;
    if (validated.kind === 'missing') {
      return ok({ kind: 'ended', record: await engine.missing(validated.missing) });
    }
    if (isGone()) return ok({ kind: 'gone' });
    const { onTaken } = talk.interaction;
    const ahead = validated.admitted.stdin.length;
    // What its request had came before anything that its client typed.
    const count = (bytes: number) => onTaken(Math.max(0, bytes - ahead));
    const interaction = { ...talk.interaction, onTaken: count };
    const admitted =
      terminal === undefined
        ? validated.admitted
        : withTerm(validated.admitted, terminal.term ?? 'xterm-256color');
    const begun = await begin(admitted, policy, { ...talk, interaction });
    return begun.ok ? ok({ kind: 'underway', underway: begun.value }) : begun;
  };
}

/** What the request says of TERM itself holds. */
function withTerm(admitted: Admitted, term: string): Admitted {
  return { ...admitted, env: { TERM: term, ...admitted.env } };
}

const NO_TERMINALS: Refusal = {
  code: 'FORBIDDEN',
  detail: 'This server gives programs no terminals (GOZO_INTERACTIVE): leave "terminal" out.',
};
