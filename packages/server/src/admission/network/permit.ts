import { type Network, type NetworkPolicy, targetFault } from '@gozolite/contract/network';
import type { Admitted } from '@gozolite/engine/admitted';
import { type Fault, pointer } from '../fault.js';

/** What is no target, stands there twice, or is not in the policy: each named by its pointer. */
export function networkFaults(
  policy: NetworkPolicy,
  network: Network | undefined,
): readonly Fault[] {
  const faults: Fault[] = [];
  const seen = new Set<string>();
  for (const [index, target] of allowed(network).entries()) {
    const at = pointer('network', 'allow', index);
    const wrong = targetFault(target) ?? (seen.has(target) ? 'It stands there twice.' : undefined);
    seen.add(target);
    if (wrong !== undefined) {
      faults.push({ pointer: at, code: 'INVALID_VALUE', detail: wrong });
    } else if (!policy.allow.includes(target)) {
      const detail = `The policy does not permit connections to ${target}.`;
      faults.push({ pointer: at, code: 'FORBIDDEN', detail });
    }
  }
  return faults;
}

/** The member of what was admitted: absent where no list was given. */
export function networkOf(
  policy: NetworkPolicy,
  network: Network | undefined,
): Pick<Admitted, 'network'> {
  if (network === undefined || network === 'none') return {};
  return { network: { ...policy, allow: network.allow } };
}

function allowed(network: Network | undefined): readonly string[] {
  return network === undefined || network === 'none' ? [] : network.allow;
}
