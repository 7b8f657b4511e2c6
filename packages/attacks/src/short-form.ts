import type { Attack } from './corpus.js';

/**
 * A dozen attacks that take about a second together and need no compiler: one for each wall that
 * a wrong kernel, a wrong container or a wrong flag could have taken away.
 */
export const SHORT_FORM = [
  'cgroup-path',
  'fill-work',
  'host-device',
  'host-ids',
  'init-executable',
  'kernel-symbols',
  'low-port',
  'netlink-generic',
  'passwd-write',
  'process-knob',
  'shell-fork-bomb',
  'unshare-program',
] as const;

/** @throws where the corpus lacks one: then the folder is not that of this version */
export function shortForm(corpus: readonly Attack[]): readonly Attack[] {
  return SHORT_FORM.map((id) => {
    const attack = corpus.find((each) => each.id === id);
    if (attack === undefined) throw new Error(`the attack ${id} is missing`);
    return attack;
  });
}
