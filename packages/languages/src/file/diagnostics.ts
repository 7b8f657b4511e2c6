import { compilePattern, PatternError } from '../diagnostics/pattern.js';
import type { LanguageFile } from '../schema.js';
import type { Fault } from './fault.js';

const GROUPS = ['severity', 'message', 'file', 'line', 'column', 'caret'];

/** What is wrong with a file's patterns of diagnostics. */
export function diagnosticFaults({ diagnostics = [] }: LanguageFile): readonly Fault[] {
  return diagnostics.flatMap(({ pattern, next = [] }, index) => {
    const path = ['diagnostics', index];
    const read = [groupsOf(pattern, [...path, 'pattern'])].concat(
      next.map((each, at) => groupsOf(each, [...path, 'next', at])),
    );
    const faults = read.flatMap((each) => each.faults);
    const hasMessage = read.some(({ groups }) => groups.includes('message'));
    if (faults.length > 0 || hasMessage) return faults;
    return [{ path, message: 'needs a group (?<message>…)' }];
  });
}

function groupsOf(source: string, path: Fault['path']): { groups: string[]; faults: Fault[] } {
  try {
    const groups = [...compilePattern(source).groups];
    const strange = groups.filter((name) => !GROUPS.includes(name));
    const message = `unknown group ${strange.join(', ')}; known are ${GROUPS.join(', ')}`;
    return { groups, faults: strange.length === 0 ? [] : [{ path, message }] };
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    return { groups: [], faults: [{ path, message: `no pattern: ${error.message}` }] };
  }
}
