import type { Execution } from '@gozolite/contract/execution';

/** What came of one smoke program. */
export interface SmokeFinding {
  readonly name: string;
  /** In words; none where it passed. */
  readonly differences: readonly string[];
  /** Of the record; null where the request was refused. */
  readonly status: Execution['status'] | null;
  /** As the record tells it: queue and sandboxes included. */
  readonly totalMs: number | null;
}
