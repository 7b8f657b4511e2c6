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
  const policies: string[] = [];
  const states: string[] = [];
  const { requests } = policy.pace;
  if (requests !== undefined && requestsLeft !== undefined) {
    const windowS = Math.max(1, Math.round(requests.burst / requests.perS));
    policies.push(`"requests";q=${requests.burst};w=${windowS}`);
    states.push(`"requests";r=${requestsLeft}`);
  }
  for (const [at, { span, startsAt, endsAt }] of windows.entries()) {
    const windowS = Math.round((endsAt - startsAt) / 1000);
    const resetS = Math.max(0, Math.ceil((endsAt - nowMs) / 1000));
    for (const [kind, unit] of [
      ['executions', ''],
      ['outputBytes', ';qu="content-bytes"'],
    ] as const) {
      const quota = policy.quotas[span][kind];
      if (quota === undefined) continue;
      const name = `"${WORDS[kind]}/${span}"`;
      policies.push(`${name};q=${quota}${unit};w=${windowS}`);
      states.push(`${name};r=${Math.max(0, quota - (totals[at]?.[kind] ?? 0))};t=${resetS}`);
    }
  }
  if (policies.length === 0) return {};
  return { 'ratelimit-policy': policies.join(', '), ratelimit: states.join(', ') };
}
