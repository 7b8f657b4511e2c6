import { type Level, meetsFloor } from '@gozolite/contract/level';
import {
  isLimitName,
  LIMIT_FLOORS,
  type LimitName,
  type Limits,
  type StageName,
} from '@gozolite/contract/limits';
import { targetFault } from '@gozolite/contract/network';
import { compilePattern, PatternError } from '@gozolite/languages/diagnostics/pattern';
import type { Fault } from '@gozolite/languages/file/fault';
import { nearestNames } from '@gozolite/languages/names/nearest';
import { type BasePolicy, resolvePolicy } from './policy.js';
import type { PolicyFile } from './schema.js';

/** What the schema can't say of a policy. Empty where it is good. */
export function policyFaults(base: BasePolicy, file: PolicyFile): readonly Fault[] {
  return [
    ...limitFaults(base, file, 'run'),
    ...limitFaults(base, file, 'compile'),
    ...networkFaults(base, file),
    ...dataFaults(base, file),
    ...floorFaults(base.isolationFloor, file),
    ...quotaFaults(base, file),
    ...retentionFaults(base, file),
    ...priorityFaults(file),
    ...patternFaults('names_refused', file),
    ...patternFaults('patterns_refused', file),
  ];
}

/** A name that no language file claims permits nothing: a typing error, or a file that is gone. */
export function languageFaults(
  names: ReadonlyMap<string, string>,
  { languages = [] }: PolicyFile,
): readonly Fault[] {
  return languages.flatMap((name, index) => {
    if (names.has(name)) return [];
    const [nearest] = nearestNames(name, [...names.keys()]);
    const hint = nearest === undefined ? 'gozo languages lists them' : `did you mean ${nearest}?`;
    const message = `"${name}" is no language that this server knows; ${hint}`;
    return [{ path: ['languages', index], message }];
  });
}

function limitFaults(base: BasePolicy, file: PolicyFile, stage: StageName): readonly Fault[] {
  const own = file.limits?.[stage];
  if (own === undefined) return [];
  const { ceilings } = resolvePolicy(base, { limits: { [stage]: own } }).limits[stage];
  const highest = base.limits[stage].ceilings;
  return [
    ...faultsAbove(['limits', stage, 'ceilings'], own.ceilings, highest, "the server's ceiling"),
    ...faultsAbove(['limits', stage, 'defaults'], own.defaults, ceilings, 'its ceiling'),
  ];
}

function faultsAbove(
  path: Fault['path'],
  own: Partial<Limits> | undefined,
  highest: Limits,
  what: string,
): readonly Fault[] {
  const given = Object.entries(own ?? {}).filter((entry): entry is [LimitName, number] =>
    isLimitName(entry[0]),
  );
  return given.flatMap(([name, value]) => {
    const at = [...path, name];
    if (value > highest[name]) {
      return [{ path: at, message: `${value} is above ${what} of ${highest[name]}` }];
    }
    const floor = LIMIT_FLOORS[name];
    return value < floor ? [{ path: at, message: `${value} is below the floor of ${floor}` }] : [];
  });
}

function networkFaults({ network }: BasePolicy, file: PolicyFile): readonly Fault[] {
  const own = file.network ?? {};
  const targets = (own.allow ?? []).flatMap((target, index) => {
    const wrong =
      targetFault(target) ??
      (network.allow.includes(target) ? undefined : 'GOZO_NETWORK_ALLOW does not have it');
    return wrong === undefined
      ? []
      : [{ path: ['network', 'allow', index], message: `"${target}": ${wrong}` }];
  });
  const caps = [
    ['bytes_max', network.bytesMax],
    ['connections_max', network.connectionsMax],
    ['time_ms_max', network.timeMsMax],
  ] as const;
  const above = caps.filter(([name, highest]) => (own[name] ?? 0) > highest);
  return [
    ...targets,
    ...above.map(([name, highest]) => ({
      path: ['network', name],
      message: `${own[name]} is above the server's ${highest}`,
    })),
  ];
}

function dataFaults({ dataAllow }: BasePolicy, { data = [] }: PolicyFile): readonly Fault[] {
  const grantsAll = dataAllow.includes('*');
  return data.flatMap((name, index) =>
    grantsAll || dataAllow.includes(name)
      ? []
      : [{ path: ['data', index], message: `GOZO_DATA_ALLOW does not grant "${name}"` }],
  );
}

/** What can't be counted over a restart would be no quota. */
function quotaFaults({ counts }: BasePolicy, { quotas }: PolicyFile): readonly Fault[] {
  if (counts || quotas === undefined) return [];
  return [{ path: ['quotas'], message: 'there is no store to count in without GOZO_AUTH=keys' }];
}

function retentionFaults({ keepMs }: BasePolicy, { retention }: PolicyFile): readonly Fault[] {
  const { record_s: recordS, output_s: outputS } = retention ?? {};
  const keepS = keepMs === undefined ? undefined : keepMs / 1000;
  const mostS = Math.min(recordS ?? Number.POSITIVE_INFINITY, keepS ?? Number.POSITIVE_INFINITY);
  return [
    ...(recordS !== undefined && keepS !== undefined && recordS > keepS
      ? [{ path: ['retention', 'record_s'], message: `${recordS} is above GOZO_KEEP_S, ${keepS}` }]
      : []),
    ...(outputS !== undefined && outputS > mostS
      ? [{ path: ['retention', 'output_s'], message: `${outputS} is above the record's ${mostS}` }]
      : []),
  ];
}

function priorityFaults({ priority = {} }: PolicyFile): readonly Fault[] {
  const { default: own, max } = priority;
  if (own === undefined || max === undefined || own <= max) return [];
  return [{ path: ['priority', 'default'], message: `${own} is above its max of ${max}` }];
}

function floorFaults(server: Level, { isolation_floor: own }: PolicyFile): readonly Fault[] {
  if (own === undefined || meetsFloor(own, server)) return [];
  return [{ path: ['isolation_floor'], message: `${own} is below the server's floor, ${server}` }];
}

function patternFaults(
  name: 'names_refused' | 'patterns_refused',
  { rules }: PolicyFile,
): readonly Fault[] {
  return (rules?.[name] ?? []).flatMap((pattern, index) => {
    try {
      compilePattern(pattern);
      return [];
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      return [{ path: ['rules', name, index], message: error.message }];
    }
  });
}
