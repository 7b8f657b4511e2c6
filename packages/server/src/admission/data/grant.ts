import type { DataSet } from '@gozolite/contract/data/data-set';
import type { DataSets } from '../../packs/data.js';
import { type Fault, pointer } from '../fault.js';

/** What stands there twice, is not granted or not in place: each named by its pointer. */
export function dataFaults(sets: DataSets, names: readonly string[]): readonly Fault[] {
  return names.flatMap((name, index): readonly Fault[] => {
    const at = pointer('data', index);
    if (names.indexOf(name) < index) {
      return [{ pointer: at, code: 'INVALID_VALUE', detail: 'It stands there twice.' }];
    }
    const shown = JSON.stringify(name.slice(0, 128));
    if (!sets.grants(name)) {
      const detail = `The policy does not grant the data set ${shown}; ${grantedIn(sets)}.`;
      return [{ pointer: at, code: 'FORBIDDEN', detail }];
    }
    if (sets.find(name) !== undefined) return [];
    const detail = `The data set ${shown} is not installed; ${installedIn(sets)}.`;
    return [{ pointer: at, code: 'UNKNOWN_DATA', detail }];
  });
}

function grantedIn(sets: DataSets): string {
  const names = sets.granted();
  return names.length === 0 ? 'it grants none' : `it grants ${names.join(', ')}`;
}

/** Of those that are granted: what else there is is nobody's business. */
function installedIn(sets: DataSets): string {
  const names = sets.granted().filter((name) => sets.find(name) !== undefined);
  return names.length === 0 ? 'none is' : `installed are ${names.join(', ')}`;
}

/** The member of what was admitted: absent where none was asked for. */
export function dataOf(
  sets: DataSets,
  names: readonly string[],
): { readonly data?: readonly DataSet[] } {
  if (names.length === 0) return {};
  const found = names.map((name) => sets.find(name)).filter((set) => set !== undefined);
  return { data: found.map(({ name, digest }) => ({ name, digest })) };
}
