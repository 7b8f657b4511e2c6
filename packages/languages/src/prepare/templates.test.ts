import assert from 'node:assert/strict';
import type { Boot } from '@gozolite/contract/recipe';
import { test } from 'vitest';
import { launchOf } from '../recipe.js';
import { IDLE_MS, launchForTenant, OWNERS_MAX } from './templates.js';

const boot: Boot = { command: ['/usr/bin/x'], args: 1, env: {}, name: 'x', program: '' };
const recipe = (own: Partial<Boot>) =>
  launchOf({ rootfs: 'host', command: ['/usr/bin/x'], env: {}, boot: { ...boot, ...own } });
const kept = recipe({ template: true });

test('each tenant has a template of its own, unless its policy says that they are shared', () => {
  const [a, b] = ['a', 'b'].map((tenant) => launchForTenant(kept, { tenant }));
  const digests = [kept.digest, a?.digest, b?.digest];
  assert.equal(new Set(digests).size, 3);
  assert.deepEqual([a?.boot?.owner, a?.boot?.template], ['a', true]);
  assert.equal(launchForTenant(kept, { tenant: 'a', templates: 'own' }), a);
  for (const tenant of ['a', 'b']) {
    assert.equal(launchForTenant(kept, { tenant, templates: 'shared' }), kept);
  }
});

test('where they are forbidden, tenants share the recipe of one that is booted by itself', () => {
  const [a, b] = ['a', 'b'].map((tenant) => launchForTenant(kept, { tenant, templates: 'none' }));
  assert.deepEqual(a, recipe({}));
  assert.equal(a, b);
});

test('a recipe without a template is what it is', () => {
  const plain = recipe({});
  for (const templates of ['own', 'shared', 'none'] as const) {
    assert.equal(launchForTenant(plain, { tenant: 'a', templates }), plain);
  }
});

test('a few tenants have one at a time, and others start from what shares nothing', () => {
  const busy = recipe({ template: true, name: 'busy' });
  const at = (tenant: string, nowMs: number) => launchForTenant(busy, { tenant }, nowMs);
  const owners = Array.from({ length: OWNERS_MAX }, (_, nth) => at(`${nth}`, nth));
  assert.equal(new Set(owners.map(({ digest }) => digest)).size, OWNERS_MAX);
  const plain = launchForTenant(busy, { tenant: 'x', templates: 'none' }, 10);
  assert.equal(at('late', 10), plain);
  assert.equal(at('0', 20), owners[0]);
  // The second came longest ago now, and gives its place.
  assert.equal(at('late', 1 + IDLE_MS).boot?.owner, 'late');
  assert.equal(at('0', 1 + IDLE_MS), owners[0]);
  assert.equal(at('1', 1 + IDLE_MS), plain);
});
