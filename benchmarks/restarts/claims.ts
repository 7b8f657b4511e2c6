import type { Kept, Left } from './kept.js';
import { type End, type Expected, type Ledger, textOf } from './ledger.js';
import { isKept, numberIn, type Trail } from './trail.js';

/** All that is known when the last life has ended. */
export interface Found {
  readonly ledger: Ledger;
  readonly trails: ReadonlyMap<string, Trail>;
  readonly kept: Kept;
  /** What each kill left. */
  readonly left: readonly Left[];
  /** How many executions a request with this number is for. */
  readonly sizeOf: (number: number) => number;
  /** Whether launchers were killed too. */
  readonly hasLostLaunchers: boolean;
  /** Ends of a tenant that a kill may leave uncounted: a lone server's last 20 ms (ADR 0097). */
  readonly uncountedMax: number;
}

export interface Claim {
  readonly claim: string;
  readonly holds: boolean;
}

const SHOWN = 5;

/** That there are none of these, with the first of them. */
function none(what: string, found: readonly string[]): Claim {
  const shown = found.length === 0 ? '' : `: ${found.slice(0, SHOWN).join('; ')}`;
  return { claim: `${found.length} ${what}${shown}`, holds: found.length === 0 };
}

export function claimsOf(found: Found): readonly Claim[] {
  const { ledger, kept } = found;
  return [
    none('answers that should not have been given', ledger.wrong),
    ...ofTrails(found),
    ...ofStore(found),
    none('executions that ended otherwise than their programs can', unexpected(found)),
    none('requests that led to more executions than they asked for', twice(found)),
    none('tenants whose count is not what ended', miscounted(found)),
    {
      claim: `${kept.reservations} reservations are left`,
      holds: kept.reservations === 0,
    },
    none('webhooks untold', untold(found)),
  ];
}

/** In the log: admitted and ended, once each; what was refused never admitted. */
function ofTrails({ trails, ledger }: Found): readonly Claim[] {
  const all = [...trails];
  const bad = (is: (trail: Trail, id: string) => boolean) =>
    all.filter(([id, trail]) => is(trail, id)).map(([id, trail]) => `${id} ${said(trail)}`);
  const missing = [...ledger.accepted.keys()].filter((id) => trails.get(id)?.admitted !== 1);
  return [
    none('accepted executions that the log has not admitted', missing),
    none(
      'admitted executions without exactly one end in the log',
      bad(({ admitted, ends }) => admitted > 0 && (admitted !== 1 || ends.length !== 1)),
    ),
    none(
      'ends or starts in the log of what was not admitted',
      bad(({ admitted, started, ends }) => admitted === 0 && ends.length + started > 0),
    ),
    none(
      'refused executions that were admitted',
      bad(({ admitted, refused }) => refused > 0 && admitted > 0),
    ),
    none(
      'executions that started twice',
      bad(({ started }) => started > 1),
    ),
  ];
}

function said({ requestId, admitted, refused, started, ends }: Trail): string {
  const ended = ends.map(textOf).join(' and ') || 'nothing';
  return `(${requestId}: ${admitted} admitted, ${refused} refused, ${started} started, ${ended})`;
}

/** The store, the log and what clients were told are of one mind. */
function ofStore({ kept: { rows }, trails, ledger, left }: Found): readonly Claim[] {
  const all = [...rows.values()];
  const keptIds = [...ledger.accepted.keys()].filter((id) => {
    const trail = trails.get(id);
    return trail !== undefined && isKept(trail);
  });
  const endIn = (id: string): End | undefined => rows.get(id) ?? trails.get(id)?.ends[0];
  const open = left.flatMap((one) => one.open);
  return [
    none(
      'accepted executions that the store has not',
      keptIds.filter((id) => !rows.has(id)),
    ),
    none(
      'executions in the store without an end',
      all.filter(({ hasEnded }) => !hasEnded).map(({ id }) => id),
    ),
    none('executions with another end in the store than in the log', twoEnds(all, trails)),
    none(
      'ends that clients were told and that are others now',
      [...ledger.ends].flatMap(([id, told]) => differing(id, told, endIn(id))),
    ),
    none(
      'executions that a kill left open and that are not INTERRUPTED',
      open.filter((id) => rows.get(id)?.error !== 'INTERRUPTED'),
    ),
  ];
}

function twoEnds(
  rows: readonly ({ readonly id: string } & End)[],
  trails: Found['trails'],
): readonly string[] {
  return rows.flatMap((row) => differing(row.id, row, trails.get(row.id)?.ends[0]));
}

function differing(id: string, one: End, other: End | undefined): readonly string[] {
  const [left, right] = [textOf(one), other === undefined ? 'nothing' : textOf(other)];
  return left === right ? [] : [`${id}: ${left} and ${right}`];
}

function unexpected({ ledger, trails, kept, hasLostLaunchers }: Found): readonly string[] {
  const lost = hasLostLaunchers ? ['SANDBOX_UNAVAILABLE'] : [];
  const may = (expected: Expected, { status, error = '' }: End) =>
    status === 'failed'
      ? ['INTERRUPTED', ...lost].includes(error)
      : expected.some((each) => each === status);
  return [...ledger.accepted].flatMap(([id, expected]) => {
    const [end] = trails.get(id)?.ends ?? [];
    return end === undefined || may(expected, end)
      ? []
      : [`${id}: ${textOf(end)} instead of ${expected} ${kept.rows.get(id)?.message ?? ''}`];
  });
}

/** By the number that all tries of a request have: what is kept, and what has started. */
function twice({ trails, kept: { rows }, sizeOf }: Found): readonly string[] {
  const counts = new Map<string, { kept: number; started: number }>();
  for (const [id, trail] of trails) {
    const number = numberIn(trail);
    if (number === '') continue;
    const count = counts.get(number) ?? { kept: 0, started: 0 };
    counts.set(number, count);
    if (rows.has(id)) count.kept += 1;
    if (trail.started > 0) count.started += 1;
  }
  return [...counts].flatMap(([number, { kept, started }]) => {
    const size = sizeOf(Number(number));
    return kept <= size && started <= size ? [] : [`#${number}: ${kept} kept, ${started} started`];
  });
}

/**
 * What ended is counted, but for failures of ours, and so is what a kill found set aside: nobody
 * knows how far that had come. What was settled and had no end yet may have been a failure.
 */
function miscounted({ trails, kept, left, uncountedMax }: Found): readonly string[] {
  const reserved = new Map(left.flatMap((one) => [...one.reserved]));
  const counts = new Map<string, { least: number; most: number }>();
  const add = (tenant: string, least: number, most: number) => {
    const count = counts.get(tenant) ?? { least: 0, most: 0 };
    counts.set(tenant, { least: count.least + least, most: count.most + most });
  };
  for (const tenant of reserved.values()) add(tenant, 1, 1);
  for (const [id, trail] of trails) {
    const [end] = trail.ends;
    if (reserved.has(id) || end === undefined) continue;
    const isNothing = isKept(trail) && !kept.rows.has(id);
    if (isNothing) continue; // Its key was another's by then, or its row was never written.
    if (end.status !== 'failed') add(trail.tenant, 1, 1);
    else if (end.error === 'INTERRUPTED') add(trail.tenant, 0, 1);
  }
  return [...counts].flatMap(([tenant, { least, most }]) => {
    const used = kept.used.get(tenant) ?? 0;
    const isRight = used >= least - left.length * uncountedMax && used <= most;
    return isRight ? [] : [`${tenant} has used ${used}, and ${least} to ${most} ended`];
  });
}

function untold({ ledger, kept: { deliveries } }: Found): readonly string[] {
  return [...ledger.hooked]
    .filter((id) => deliveries.get(id) !== 'delivered')
    .map((id) => `${id} ${deliveries.get(id)}`);
}
