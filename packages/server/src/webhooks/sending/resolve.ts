import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Address } from './address.js';
import { isLocalhost } from './target.js';

/** @returns all addresses of a name; none where it has none. Rejects where nobody could tell. */
export type Resolve = (host: string) => Promise<readonly Address[]>;

/** What one server takes for one question, and how often it is asked. */
const ANSWER_MS_MAX = 2000;
const TRIES = 2;
const ADDRESSES_MAX = 16;
const NO_SUCH = new Set(['ENODATA', 'ENOTFOUND', 'EBADNAME', 'EBADQUERY']);

/**
 * Asks the machine's name servers ourselves: the system's own lookup waits in one of a few threads
 * that all of the process shares, and one tenant's slow name would hold up the others' deliveries.
 */
export function createResolve(): Resolve {
  return async (host) => {
    const family = isIP(host);
    if (family !== 0) return [{ address: host, family: family === 4 ? 4 : 6 }];
    if (isLocalhost(host)) {
      return [
        { address: '127.0.0.1', family: 4 },
        { address: '::1', family: 6 },
      ];
    }
    const resolver = new Resolver({ timeout: ANSWER_MS_MAX, tries: TRIES });
    const [v4, v6] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    const found = [
      ...valuesOf(v4).map((address) => ({ address, family: 4 as const })),
      ...valuesOf(v6).map((address) => ({ address, family: 6 as const })),
    ];
    if (found.length > 0) return found.slice(0, ADDRESSES_MAX);
    for (const each of [v4, v6]) {
      if (each.status === 'rejected' && !NO_SUCH.has(codeOf(each.reason))) throw each.reason;
    }
    return [];
  };
}

function valuesOf(settled: PromiseSettledResult<string[]>): readonly string[] {
  return settled.status === 'fulfilled' ? settled.value : [];
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
