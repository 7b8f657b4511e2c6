import { POOL_BOUNDS, type PoolKept, type PoolLine } from '@gozolite/sandbox/backend';
import { type Arrivals, createArrivals } from './arrivals.js';
import type { Kind } from './kind.js';
import type { Held } from './scores.js';
import { budgetKb, type HostMemory, type PoolBounds, sizes, wanted } from './size.js';

/** Kinds remembered at once: the one that was asked for longest ago makes room. */
const KINDS_MAX = Math.min(64, POOL_BOUNDS.lines);
/** What one takes of which nothing is known yet. */
const ASSUMED_KB = { booted: 48 * 1024, plain: 2 * 1024 } as const;

/** The kinds of requests that come, and how many sandboxes each should find. */
export interface Kinds {
  /** @returns whether it is new, or would have more ready than was decided last */
  asked(kind: Kind, nowMs: number): 'new' | 'more' | 'same';
  decide(host: HostMemory, nowMs: number): Decision;
  /** What the backend has of the lines of a decision. */
  kept(decision: Decision, kept: readonly PoolKept[]): void;
  isEmpty(): boolean;
  held(): readonly Held[];
}

export interface Decision {
  readonly budgetKb: number;
  readonly lines: readonly PoolLine[];
  readonly keys: readonly string[];
}

interface Known {
  kind: Kind;
  readonly arrivals: Arrivals;
  lastMs: number;
  /** As decided last, and what there was of it then. */
  count: number;
  ready: number;
  templated: number;
  heldKb: number;
  /** Of one sandbox, as seen last. */
  memoryKb: number;
}

export function createKinds(bounds: PoolBounds): Kinds {
  const kinds = new Map<string, Known>();
  const needOf = ({ arrivals, lastMs, memoryKb }: Known, nowMs: number) => ({
    busiest: arrivals.busiest(nowMs),
    recent: arrivals.total(nowMs),
    idleMs: nowMs - lastMs,
    memoryKb,
  });
  return {
    isEmpty: () => kinds.size === 0,
    held: () => [...kinds.values()],
    asked: (kind, nowMs) => {
      const known = kinds.get(kind.key) ?? unseen(kind);
      const isNew = !kinds.delete(kind.key);
      kinds.set(kind.key, known); // Behind all others.
      const [oldest] = kinds.keys();
      if (kinds.size > KINDS_MAX && oldest !== undefined) kinds.delete(oldest);
      remember(known, kind, nowMs);
      if (isNew) return 'new';
      return wanted(needOf(known, nowMs), bounds) > known.count ? 'more' : 'same';
    },
    decide: (host, nowMs) => {
      const all = [...kinds.values()];
      const heldKb = all.reduce((sum, known) => sum + known.heldKb, 0);
      const budget = budgetKb(bounds, host, heldKb);
      const counts = sizes(
        all.map((known) => needOf(known, nowMs)),
        bounds,
        budget,
      );
      for (const [at, known] of all.entries()) {
        known.count = counts[at] ?? 0;
        if (nowMs - known.lastMs >= bounds.keepMs) kinds.delete(known.kind.key);
      }
      const chosen = all.filter(({ count }) => count > 0);
      return {
        budgetKb: budget,
        lines: chosen.map(({ kind, count }) => ({ ...kind.line, count })),
        keys: chosen.map(({ kind }) => kind.key),
      };
    },
    kept: ({ keys }, kept) => {
      for (const known of kinds.values()) Object.assign(known, NOTHING_READY);
      for (const [at, key] of keys.entries()) {
        const known = kinds.get(key);
        if (known !== undefined) note(known, kept[at]);
      }
    },
  };
}

const NOTHING_READY = { ready: 0, templated: 0, heldKb: 0 } as const;

function unseen(kind: Kind): Known {
  const memoryKb = kind.line.recipe.boot === undefined ? ASSUMED_KB.plain : ASSUMED_KB.booted;
  const arrivals = createArrivals();
  return { kind, arrivals, lastMs: 0, count: 0, ...NOTHING_READY, memoryKb };
}

/** A runtime is booted for the most memory that such a request had: less is set when it is used. */
function remember(known: Known, kind: Kind, nowMs: number): void {
  const { limits } = kind.line;
  const memoryKb = Math.max(limits.memory_kb, known.kind.line.limits.memory_kb);
  known.kind = { ...kind, line: { ...kind.line, limits: { ...limits, memory_kb: memoryKb } } };
  known.lastMs = nowMs;
  known.arrivals.note(nowMs);
}

/** Those without a runtime of one root serve all its recipes: each is told of all of them. */
function note(known: Known, kept: PoolKept | undefined): void {
  if (kept === undefined || kept.ready === 0) return;
  known.memoryKb = Math.ceil(kept.memoryKb / kept.ready);
  known.ready = Math.min(kept.ready, known.count);
  known.templated = Math.min(kept.templated, known.ready);
  known.heldKb = known.ready * known.memoryKb;
}
