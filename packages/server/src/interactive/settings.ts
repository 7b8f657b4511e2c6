import type { ExecutionsReader } from '../executions/settings.js';

/** Of programs that are talked to: docs/reference/service/interactive.md. */
export interface InteractiveSettings {
  /** `off`: none; `pipes`: without terminals, whose code in the kernel no other run reaches. */
  readonly mode: 'off' | 'pipes' | 'terminals';
  /** Nothing said by either side for so long ends it. */
  readonly idleMs: number;
}

export function readInteractive(read: ExecutionsReader): InteractiveSettings {
  return {
    mode: read.choice('GOZO_INTERACTIVE', ['off', 'pipes', 'terminals'], 'terminals'),
    idleMs: read.integer('GOZO_INTERACTIVE_IDLE_MS', { min: 100, max: 600_000, fallback: 120_000 }),
  };
}
