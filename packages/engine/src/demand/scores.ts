import type { PoolRecipe } from '@gozolite/contract/pool/pool';
import type { About, Kind } from './kind.js';

/** Hits and misses of every stage of every language, and what is ready for it. */
export interface Scores {
  add(about: About, prepared: boolean): void;
  table(kinds: readonly Held[]): readonly PoolRecipe[];
}

export interface Held {
  readonly kind: Kind;
  readonly count: number;
  readonly ready: number;
  readonly templated: number;
  readonly heldKb: number;
}

type Row = { -readonly [Name in keyof PoolRecipe]: PoolRecipe[Name] };

export function createScores(): Scores {
  // As many as there are languages, versions and stages: no request adds a name of its own.
  const scores = new Map<string, { readonly about: About; hits: number; misses: number }>();
  return {
    add: (about, prepared) => {
      const key = keyOf(about);
      const score = scores.get(key) ?? { about, hits: 0, misses: 0 };
      if (prepared) score.hits += 1;
      else score.misses += 1;
      scores.set(key, score);
    },
    table: (kinds) => {
      const rows = new Map<string, Row>();
      const rowOf = (about: About): Row => {
        const row = rows.get(keyOf(about)) ?? emptyRow(about);
        rows.set(keyOf(about), row);
        return row;
      };
      for (const { about, hits, misses } of scores.values()) {
        Object.assign(rowOf(about), { hits, misses });
      }
      for (const { kind, count, ready, templated, heldKb } of kinds) {
        const row = rowOf(kind.about);
        row.wanted += count;
        row.ready += ready;
        row.templated += templated;
        row.memory_kb += heldKb;
      }
      return [...rows.values()];
    },
  };
}

function keyOf({ language, version, stage }: About): string {
  return JSON.stringify([language, version, stage]);
}

function emptyRow({ language, version, stage }: About): Row {
  const none = { wanted: 0, ready: 0, templated: 0, hits: 0, misses: 0, memory_kb: 0 };
  return { language, version, stage, ...none };
}
