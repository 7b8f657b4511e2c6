import { type EngineApi, reasonOf } from './engine-api.js';

/** Labels that the image's maker writes (scripts/container-image.mjs). */
const LABELS = {
  uidBase: 'gozolite.uid-base',
  seccomp: 'gozolite.seccomp',
  usr: 'gozolite.usr',
} as const;

/** An image that runs sandboxes: the supervisor, and the engine's half of its confinement. */
export interface SandboxImage {
  readonly id: string;
  readonly uidBase: number;
  /** The engine's seccomp profile, JSON. */
  readonly seccomp: string;
  /** Whether /usr is the host's, bound read-only, or the image's own. */
  readonly usr: 'host' | 'image';
}

export type ImageFound =
  | { readonly kind: 'found'; readonly image: SandboxImage }
  | { readonly kind: 'unusable'; readonly reason: string };

export const IMAGE_REMEDY =
  'Make the image: node scripts/container-image.mjs (docs/reference/container.md).';

export async function findImage(engine: EngineApi, name: string): Promise<ImageFound> {
  const answer = await engine.call('GET', `/images/${encodeURIComponent(name)}/json`);
  if (answer.status === 404) return unusable(`the engine has no image ${name}`);
  if (answer.status !== 200) return unusable(`image ${name}: ${reasonOf(answer)}`);
  const { Id: id, Config: config } = isRecord(answer.body) ? answer.body : {};
  const labels = isRecord(config) && isRecord(config.Labels) ? config.Labels : {};
  const uidBase = Number(labels[LABELS.uidBase]);
  const seccomp = labels[LABELS.seccomp];
  const usr = labels[LABELS.usr];
  if (typeof id !== 'string' || !Number.isInteger(uidBase) || uidBase < 1000) {
    return unusable(`${name} is no image of ours: it lacks the label ${LABELS.uidBase}`);
  }
  if (typeof seccomp !== 'string' || (usr !== 'host' && usr !== 'image')) {
    return unusable(`${name} lacks the labels ${LABELS.seccomp} and ${LABELS.usr}`);
  }
  const profile = Buffer.from(seccomp, 'base64').toString('utf8');
  return { kind: 'found', image: { id, uidBase, seccomp: profile, usr } };
}

function unusable(reason: string): ImageFound {
  return { kind: 'unusable', reason };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
