import {
  LIMIT_FLOORS,
  LIMIT_NAMES,
  type LimitPolicy,
  type Limits,
  type StageName,
} from '@gozolite/contract/limits';
import type { Recipe } from '@gozolite/contract/recipe';
import type { Took } from '../smokes/took.js';
import { type Fault, pointer } from './fault.js';

export type AskedLimits = Partial<Limits>;

const POINTERS: Readonly<Record<StageName, readonly string[]>> = {
  run: ['limits'],
  compile: ['compile', 'limits'],
};

/** A limit is never silently changed: above its ceiling or below its floor it is refused. */
export function limitFaults(
  policy: LimitPolicy,
  stage: StageName,
  asked: AskedLimits,
): readonly Fault[] {
  const faults: Fault[] = [];
  const { ceilings } = policy[stage];
  for (const name of LIMIT_NAMES) {
    const value = asked[name];
    if (value === undefined) continue;
    const at = pointer(...POINTERS[stage], name);
    if (value > ceilings[name]) {
      const detail = `${value} is above the ceiling of ${ceilings[name]}.`;
      faults.push({ pointer: at, code: 'LIMIT_TOO_HIGH', detail });
    } else if (value < LIMIT_FLOORS[name]) {
      const detail = `${value} is below the floor of ${LIMIT_FLOORS[name]}.`;
      faults.push({ pointer: at, code: 'LIMIT_TOO_LOW', detail });
    }
  }
  return faults;
}

/** A figure swings by so much from one run to the next. */
const SURE = 0.9;

/**
 * With less memory than its runtime takes no program of the language would even start. What a
 * compiler takes is its program's: a first program has headers that the next one may do without.
 */
export function runtimeFaults(took: Took | undefined, asked: AskedLimits): readonly Fault[] {
  const { memory_kb: memoryKb } = asked;
  const takenKb = took?.run ?? 0;
  if (memoryKb === undefined || memoryKb >= SURE * takenKb) return [];
  const detail = `${memoryKb} is below the ${takenKb} KiB that the runtime itself takes here.`;
  return [{ pointer: pointer(...POINTERS.run, 'memory_kb'), code: 'LIMIT_TOO_LOW', detail }];
}

/** The limits in force: the request's, else the language file's, else the policy's default. */
export function resolveLimits(
  policy: LimitPolicy,
  recipe: Recipe | undefined,
  asked: { readonly run: AskedLimits; readonly compile: AskedLimits },
): { readonly run: Limits; readonly compile?: Limits } {
  const run = resolveStage(policy, 'run', { raised: recipe?.run.limits ?? {}, asked: asked.run });
  if (recipe?.compile === undefined) return { run };
  const raised = recipe.compile.limits;
  return { run, compile: resolveStage(policy, 'compile', { raised, asked: asked.compile }) };
}

function resolveStage(
  policy: LimitPolicy,
  stage: StageName,
  { raised, asked }: { readonly raised: AskedLimits; readonly asked: AskedLimits },
): Limits {
  const { defaults, ceilings } = policy[stage];
  const limits = { ...defaults };
  for (const name of LIMIT_NAMES) {
    // A language file may raise a default, never a ceiling, whatever the machine's size.
    limits[name] = asked[name] ?? Math.min(raised[name] ?? defaults[name], ceilings[name]);
  }
  // A stack larger than all memory would only promise what the memory limit takes back.
  const stackKb = asked.stack_kb ?? Math.min(limits.stack_kb, limits.memory_kb);
  return { ...limits, stack_kb: stackKb };
}
