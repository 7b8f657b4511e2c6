import type { Boot, LaunchRecipe } from '@gozolite/contract/recipe';
import type { TemplateSharing } from '@gozolite/contract/templates';
import { launchOf } from '../recipe.js';

/** Whose request it is, and what its runtime may start from. */
export interface Sharer {
  readonly tenant: string;
  /** Absent: templates of the tenant's own. */
  readonly templates?: TemplateSharing;
}

type WithTemplate = LaunchRecipe & { readonly boot: Boot };

/** Of one recipe: templates take memory, and who seldom comes would find nothing that waits. */
export const OWNERS_MAX = 4;
/** Who has not come for so long gives his place to another. */
export const IDLE_MS = 600_000;

/** Of one recipe. */
interface Shares {
  /** For whoever has no template: booted one by one, and so nobody's until it is given out. */
  readonly plain: LaunchRecipe;
  /** Who came last is last. */
  readonly owners: Map<string, { readonly launch: LaunchRecipe; readonly usedMs: number }>;
}

const cache = new WeakMap<LaunchRecipe, Shares>();

/**
 * The recipe for one tenant's requests. Two recipes never share a template, so one with an owner
 * gives a tenant its own. A few tenants at a time have one; what waits for the others was booted by
 * itself, and any of them is given it.
 */
export function launchForTenant(
  launch: LaunchRecipe,
  { tenant, templates = 'own' }: Sharer,
  nowMs: number = performance.now(),
): LaunchRecipe {
  if (!hasTemplate(launch) || templates === 'shared') return launch;
  const shares = cache.get(launch) ?? { plain: without(launch), owners: new Map() };
  cache.set(launch, shares);
  const { plain, owners } = shares;
  if (templates === 'none') return plain;
  const own = owners.get(tenant)?.launch ?? placeFor(launch, { tenant, owners, nowMs });
  if (own === undefined) return plain;
  owners.delete(tenant);
  owners.set(tenant, { launch: own, usedMs: nowMs });
  return own;
}

function placeFor(
  launch: WithTemplate,
  { tenant, owners, nowMs }: Pick<Shares, 'owners'> & { tenant: string; nowMs: number },
): LaunchRecipe | undefined {
  const [oldest] = owners;
  if (owners.size >= OWNERS_MAX && oldest !== undefined) {
    const [name, { usedMs }] = oldest;
    if (nowMs - usedMs < IDLE_MS) return undefined;
    owners.delete(name);
  }
  return ownedBy(launch, tenant);
}

function hasTemplate(launch: LaunchRecipe): launch is WithTemplate {
  return launch.boot?.template === true;
}

function ownedBy({ digest: _, ...launch }: WithTemplate, owner: string): LaunchRecipe {
  return launchOf({ ...launch, boot: { ...launch.boot, owner } });
}

function without({ digest: _, ...launch }: WithTemplate): LaunchRecipe {
  const { template: __, ...boot } = launch.boot;
  return launchOf({ ...launch, boot });
}
