import { NETWORK_BOUNDS, type NetworkPolicy, targetFault } from '@gozolite/contract/network';

export interface NetworkReader {
  list(name: string, separator: string): readonly string[];
  integer(
    name: string,
    bounds: { readonly min: number; readonly max: number; readonly fallback: number },
  ): number;
}

const NETWORK_BYTES = 64 * 1024 * 1024;

/** The policy of the one tenant that there is. */
export function readNetwork(read: NetworkReader, faults: string[]): NetworkPolicy {
  const allow = [...new Set(read.list('GOZO_NETWORK_ALLOW', ','))];
  for (const target of allow) {
    const fault = targetFault(target);
    if (fault !== undefined) faults.push(`GOZO_NETWORK_ALLOW has "${target}": ${fault}`);
  }
  const { bytesMax, connectionsMax, timeMsMax } = NETWORK_BOUNDS;
  const upTo = (max: number, fallback: number) => ({ min: 1, max, fallback });
  return {
    allow,
    bytesMax: read.integer('GOZO_NETWORK_BYTES', upTo(bytesMax, NETWORK_BYTES)),
    connectionsMax: read.integer('GOZO_NETWORK_CONNECTIONS', upTo(connectionsMax, 64)),
    timeMsMax: read.integer('GOZO_NETWORK_TIME_MS', upTo(timeMsMax, 60_000)),
  };
}
