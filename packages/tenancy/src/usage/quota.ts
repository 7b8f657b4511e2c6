import type { Refusal } from '@gozolite/contract/refusal';
import type { Amounts } from '@gozolite/store/usage';
import type { Policy } from '../policy/policy.js';
import type { SpanWindow } from './spans.js';

/** The windows of a request, and what is used in each with it. */
export interface Quoted {
  readonly windows: readonly SpanWindow[];
  readonly totals: readonly Amounts[];
}

const WORDS = { executions: 'executions', cpuMs: 'cpu_ms', outputBytes: 'output_bytes' } as const;
const KINDS = ['executions', 'cpuMs', 'outputBytes'] as const;

/** The first quota, shortest window first, that totals are above; undefined where none is. */
export function quotaRefusal(
  { windows, totals }: Quoted,
  {
    policy,
    asked,
    nowMs,
  }: {
    readonly policy: Policy;
    readonly asked: Pick<Amounts, 'cpuMs' | 'outputBytes'>;
    readonly nowMs: number;
  },
): Refusal | undefined {
  for (const [at, { span, endsAt }] of windows.entries()) {
    for (const kind of KINDS) {
      const quota = policy.quotas[span][kind];
      const total = totals[at]?.[kind] ?? 0;
      if (quota === undefined || total <= quota) continue;
      const own = kind === 'executions' ? 1 : asked[kind];
      const remaining = Math.max(0, quota - (total - own));
      const name = `${WORDS[kind]}/${span}`;
      const limit = {
        name,
        quota,
        remaining,
        asked: own,
        resets_at: new Date(endsAt).toISOString(),
      };
      // More than the whole quota will fit in no window to come: waiting does not help.
      const isHopeless = own > quota;
      const hint = kind === 'executions' || remaining === 0 ? '' : HINTS[kind];
      const detail = `The quota of ${name} is ${quota}; ${remaining} are left, ${own} asked for.`;
      const refusal: Refusal = { code: 'QUOTA_EXCEEDED', detail: detail + hint, limit };
      return isHopeless ? refusal : { ...refusal, retryAfterMs: endsAt - nowMs };
    }
  }
  return undefined;
}

const HINTS = {
  cpuMs: ' A request with a lower cpu_time_ms asks for less.',
  outputBytes: ' A request with a lower output_kb asks for less.',
} as const;

/**
 * `RateLimit` and `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers-10: of what is counted
 * in requests or bytes. It has no unit for CPU time; GET /usage tells that.
 */
export function quotaHeaders({
  windows,
  totals,
  policy,
  nowMs,
  requestsLeft,
}: Quoted & {
  readonly policy: Policy;
  readonly nowMs: number;
  readonly requestsLeft?: number;
}): Readonly<Record<string, string>> {
  const { told, requests, quotas } = shownOf(policy, windows);
  if (told === '') return {};
  const states = requests === undefined ? [] : [`${requests};r=${requestsLeft ?? 0}`];
  for (const { name, at, kind, quota, endsAt } of quotas) {
    const left = Math.max(0, quota - (totals[at]?.[kind] ?? 0));
    states.push(`${name};r=${left};t=${Math.max(0, Math.ceil((endsAt - nowMs) / 1000))}`);
  }
  return { 'ratelimit-policy': told, ratelimit: states.join(', ') };
}

/** What is the same for all requests under a policy in the same windows. */
interface Shown {
  readonly windows: Quoted['windows'];
  /** The value of `RateLimit-Policy`; '' where nothing bounds anything. */
  readonly told: string;
  /** What the rate of requests is called; undefined where none is bounded. */
  readonly requests: string | undefined;
  readonly quotas: readonly Bound[];
}

/** One quota of the window of that place. */
interface Bound {
  readonly name: string;
  readonly at: number;
  readonly kind: (typeof KINDS)[number];
  readonly quota: number;
  readonly endsAt: number;
}

const shown = new WeakMap<Policy, Shown>();

function shownOf(policy: Policy, windows: Quoted['windows']): Shown {
  const known = shown.get(policy);
  if (known?.windows === windows) return known;
  const made = show(policy, windows);
  shown.set(policy, made);
  return made;
}

function show(policy: Policy, windows: Quoted['windows']): Shown {
  const told: string[] = [];
  const quotas: Bound[] = [];
  const { requests: flow } = policy.pace;
  if (flow !== undefined) {
    const windowS = Math.max(1, Math.round(flow.burst / flow.perS));
    told.push(`"requests";q=${flow.burst};w=${windowS}`);
  }
  for (const [at, { span, startsAt, endsAt }] of windows.entries()) {
    const windowS = Math.round((endsAt - startsAt) / 1000);
    for (const [kind, unit] of [
      ['executions', ''],
      ['outputBytes', ';qu="content-bytes"'],
    ] as const) {
      const quota = policy.quotas[span][kind];
      if (quota === undefined) continue;
      const name = `"${WORDS[kind]}/${span}"`;
      told.push(`${name};q=${quota}${unit};w=${windowS}`);
      quotas.push({ name, at, kind, quota, endsAt });
    }
  }
  const requests = flow === undefined ? undefined : '"requests"';
  return { windows, told: told.join(', '), requests, quotas };
}
