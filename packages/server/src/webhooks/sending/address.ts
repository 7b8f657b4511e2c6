import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

/** An address as it was resolved, or written into a URL. */
export interface Address {
  readonly address: string;
  readonly family: 4 | 6;
}

/** Which addresses webhooks may be sent to. */
export interface Guard {
  /** Why not; undefined where it may. */
  faultOf(address: Address): string | undefined;
}

/**
 * IANA's special-purpose registry (RFC 6890 and after) of what is not the world's, multicast, and
 * the address of one cloud's metadata that is an ordinary one by its looks.
 */
const INNER_V4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16'],
  ...['172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24', '192.31.196.0/24', '192.52.193.0/24'],
  ...['192.88.99.0/24', '192.168.0.0/16', '192.175.48.0/24', '198.18.0.0/15'],
  ...['198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4', '168.63.129.16/32'],
];

/** Global unicast is all that is the world's: what maps or tunnels IPv4 lies outside, or here. */
const GLOBAL_V6 = '2000::/3';
const INNER_V6 = [...['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20']];

const inner = listOf([...INNER_V4, ...INNER_V6]);
const global = listOf([GLOBAL_V6]);

/** @param allowed ranges of the operator's own, which are in order all the same */
export function createGuard(allowed: readonly string[], own = ownAddresses): Guard {
  const allow = listOf(allowed);
  return {
    faultOf: ({ address, family }) => {
      if (isIP(address) !== family) return 'it is no address';
      if (has(allow, { address, family })) return undefined;
      if (family === 6 && !has(global, { address, family })) return INNER;
      if (has(inner, { address, family })) return INNER;
      return own().has(address) ? 'it is an address of this machine' : undefined;
    },
  };
}

const INNER = 'it is not an address of the open internet';

/** Why a text is no range of addresses; undefined where it is one, as 10.0.0.0/8 or fd00::1. */
export function rangeFault(text: string): string | undefined {
  const { address, prefix, family } = rangeOf(text);
  if (family === 0) return 'it is no address, nor a range of addresses as 10.0.0.0/8';
  const most = family === 4 ? 32 : 128;
  return prefix >= 0 && prefix <= most && address !== '' ? undefined : `its length is 0 to ${most}`;
}

function rangeOf(text: string) {
  const [address = '', length] = text.split('/', 2);
  const family = text.split('/').length > 2 ? 0 : isIP(address);
  const whole = family === 4 ? 32 : 128;
  const prefix = length === undefined ? whole : /^\d{1,3}$/.test(length) ? Number(length) : -1;
  return { address, prefix, family };
}

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const { address, prefix, family } = rangeOf(range);
    list.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

function has(list: BlockList, { address, family }: Address): boolean {
  return list.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/** Looked up each time: interfaces come and go. */
function ownAddresses(): ReadonlySet<string> {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return new Set(all.map(({ address }) => address));
}
