import { type Static, Type } from 'typebox';

export const PoolRecipe = Type.Object({
  language: Type.String(),
  version: Type.String(),
  stage: Type.Unsafe<'compile' | 'run'>(Type.Union([Type.Literal('compile'), Type.Literal('run')])),
  wanted: Type.Integer({
    description: 'Sandboxes that should be ready, as demand and memory are.',
  }),
  ready: Type.Integer({ description: 'Sandboxes that are.' }),
  templated: Type.Integer({
    description: 'Of these, how many started from a template: each other was booted by itself.',
  }),
  hits: Type.Integer({ description: 'Commands that found all ready, since the start.' }),
  misses: Type.Integer({ description: 'Commands that did not, of those that could have.' }),
  memory_kb: Type.Integer({ description: 'Of those that are ready, together.' }),
});
export type PoolRecipe = Static<typeof PoolRecipe>;

/** docs/reference/preparation.md */
export const Pool = Type.Object({
  memory_kb_max: Type.Integer({ description: 'What the pool may take (GOZO_POOL_MEMORY_MB).' }),
  budget_kb: Type.Integer({ description: 'What it may take now: less where the host is short.' }),
  memory_kb: Type.Integer({ description: 'What it takes.' }),
  recipes: Type.Array(PoolRecipe),
});
export type Pool = Static<typeof Pool>;
