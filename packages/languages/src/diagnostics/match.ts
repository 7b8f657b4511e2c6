import type { Pattern } from './pattern.js';

/** What a line costs before its first character. */
const LINE_STEPS = 16;

/** What matching may still cost, in steps; shared by all lines of an execution. */
export interface Budget {
  steps: number;
}

/** Where a named group matched, by its name. */
export type Groups = Readonly<Record<string, { readonly text: string; readonly at: number }>>;

/**
 * The first match of a pattern in a line, as a regular expression would find it; `undefined` also
 * where the budget ran out. No pair of a step and a position is tried twice (RE2's BitState), so
 * that time grows with steps times length, whatever pattern and line are.
 */
export function matchLine(pattern: Pattern, line: string, budget: Budget): Groups | undefined {
  budget.steps -= LINE_STEPS;
  const tried = new Uint8Array(pattern.steps.length * (line.length + 1));
  for (let from = 0; from <= line.length && budget.steps > 0; from += 1) {
    const slots = tryFrom(pattern, line, { from, tried, budget });
    if (slots) return groupsOf(pattern, line, slots);
    if (pattern.steps[0]?.op === 'start') return undefined;
  }
  return undefined;
}

interface Attempt {
  readonly from: number;
  readonly tried: Uint8Array;
  readonly budget: Budget;
}

/** Positions of the groups' ends, -1 where one took no part; undefined where nothing matches. */
function tryFrom(
  { steps, groups }: Pattern,
  line: string,
  { from, tried, budget }: Attempt,
): number[] | undefined {
  const slots = new Array<number>(2 * groups.length).fill(-1);
  // Pairs: a step and a position to be tried, or a slot (below 0) and its old value.
  const stack = [0, from];
  while (stack.length > 0 && budget.steps > 0) {
    let position = stack.pop() ?? 0;
    let at = stack.pop() ?? 0;
    if (at < 0) {
      slots[-at - 1] = position;
      continue;
    }
    for (;;) {
      const step = steps[at];
      if (step === undefined) return slots;
      const mark = at * (line.length + 1) + position;
      if (tried[mark] === 1) break;
      tried[mark] = 1;
      budget.steps -= 1;
      if (step.op === 'split') {
        stack.push(at + step.second, position);
        at += step.first;
      } else if (step.op === 'jump') {
        at += step.by;
      } else if (step.op === 'save') {
        stack.push(-step.slot - 1, slots[step.slot] ?? -1);
        slots[step.slot] = position;
        at += 1;
      } else {
        if (step.op === 'start' && position !== 0) break;
        if (step.op === 'end' && position !== line.length) break;
        if (step.op === 'character') {
          if (position === line.length || !step.isIn(line.charCodeAt(position))) break;
          position += 1;
        }
        at += 1;
      }
    }
  }
  return undefined;
}

/** Where a name stands twice, the one that took part. */
function groupsOf({ groups }: Pattern, line: string, slots: readonly number[]): Groups {
  const found = groups.flatMap((name, at) => {
    const [begin = -1, end = -1] = slots.slice(2 * at, 2 * at + 2);
    return begin < 0 || end < 0 ? [] : [[name, { text: line.slice(begin, end), at: begin }]];
  });
  return Object.fromEntries(found);
}
