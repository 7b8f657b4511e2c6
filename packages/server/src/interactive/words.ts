import { INTERACTIVE_BOUNDS } from '@gozolite/contract/interactive/interactive';
import { PROBLEMS, type Refusal } from '@gozolite/contract/refusal';

/** RFC 6455 §7.4.1, and 1013 of its registry: try again later. */
export function closeCodeOf({ code }: Refusal): number {
  switch (PROBLEMS[code]) {
    case 413:
      return 1009;
    case 429:
    case 503:
      return 1013;
    case 500:
      return 1011;
    default:
      return 1008;
  }
}

export const CONTROL_D = Buffer.from([4]);
export const INPUT_ENDED = 'No input comes after eof: this was dropped.';
export const NOT_STARTED = 'The program does not run yet: "started" says when it does.';
export const NO_TERMINAL = 'The program has no terminal: "start" asks for one.';

export const OUT_OF_ORDER: Refusal = {
  code: 'BAD_REQUEST',
  detail: 'The first message is "start", and no other one is.',
};
export const TOO_LATE: Refusal = {
  code: 'REQUEST_TIMEOUT',
  detail: `"start" is to come within ${INTERACTIVE_BOUNDS.startMsMax} ms.`,
};
export const DRAINING: Refusal = { code: 'DRAINING', detail: 'shutting down', retryAfterMs: 5000 };
export const FAILED: Refusal = {
  code: 'INTERNAL',
  detail: 'The server failed; its log has the reason.',
};
