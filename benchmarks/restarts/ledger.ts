import type { Status } from '@gozolite/contract/execution';

/** What an execution may end with; INTERRUPTED besides, where its server was killed. */
export type Expected = readonly Status[];

/** How an execution ended, as somebody was told. */
export interface End {
  readonly status: Status;
  readonly error?: string | undefined;
}

/** A request under a key, and what it was answered first. */
export interface Keyed {
  readonly tenant: string;
  readonly path: string;
  readonly key: string;
  readonly body: string;
  /** Ids, and of /execute the record. */
  readonly answer: string;
}

/** All that the clients were promised and told. */
export interface Ledger {
  /** It was answered with this execution. */
  readonly accepted: ReadonlyMap<string, Expected>;
  readonly ends: ReadonlyMap<string, End>;
  readonly keyed: readonly Keyed[];
  /** Executions whose webhook is to be told. */
  readonly hooked: ReadonlySet<string>;
  /** Refusals by their codes. */
  readonly refused: ReadonlyMap<string, number>;
  /** What should not have been answered. */
  readonly wrong: readonly string[];
  counts(): Readonly<Record<'answered' | 'unanswered' | 'repeats' | 'cancelled', number>>;
  accept(id: string, expected: Expected): void;
  /** A second one has to be the same. */
  end(id: string, end: End): void;
  first(keyed: Keyed): void;
  hook(id: string): void;
  refuse(code: string): void;
  note(what: 'answered' | 'unanswered' | 'repeats' | 'cancelled'): void;
  object(what: string): void;
}

export function createLedger(): Ledger {
  const accepted = new Map<string, Expected>();
  const ends = new Map<string, End>();
  const keyed: Keyed[] = [];
  const hooked = new Set<string>();
  const refused = new Map<string, number>();
  const wrong: string[] = [];
  const counts = { answered: 0, unanswered: 0, repeats: 0, cancelled: 0 };
  return {
    ...{ accepted, ends, keyed, hooked, refused, wrong },
    counts: () => counts,
    accept: (id, expected) => accepted.set(id, expected),
    end: (id, { status, error }) => {
      const before = ends.get(id);
      if (before !== undefined && (before.status !== status || before.error !== error)) {
        wrong.push(`${id} ended as ${textOf(before)}, and later as ${textOf({ status, error })}`);
      }
      ends.set(id, { status, error });
    },
    first: (one) => keyed.push(one),
    hook: (id) => hooked.add(id),
    refuse: (code) => refused.set(code, (refused.get(code) ?? 0) + 1),
    note: (what) => {
      counts[what] += 1;
    },
    object: (what) => wrong.push(what),
  };
}

export function textOf({ status, error }: End): string {
  return error === undefined ? status : `${status} ${error}`;
}
