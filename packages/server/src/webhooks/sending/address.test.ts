import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Address, createGuard, rangeFault } from './address.js';

const nobody = () => new Set<string>();
const guard = createGuard([], nobody);

function of(address: string): Address {
  return { address, family: address.includes(':') ? 6 : 4 };
}

const INNER = [
  ...['127.0.0.1', '127.255.255.254', '0.0.0.0', '10.0.0.1', '172.16.0.1', '172.31.255.255'],
  ...['192.168.0.1', '169.254.169.254', '100.64.0.1', '100.100.100.200', '100.127.255.255'],
  ...['192.0.0.192', '192.0.2.1', '198.18.0.1', '198.51.100.7', '203.0.113.9', '224.0.0.1'],
  ...['239.255.255.250', '240.0.0.1', '255.255.255.255', '168.63.129.16', '192.88.99.1'],
  ...['::', '::1', '::7f00:1', 'fe80::1', 'febf::1', 'fec0::1', 'fc00::1', 'fd00:ec2::254'],
  ...['ff02::1', '::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:8.8.8.8', '::ffff:0:7f00:1'],
  ...['64:ff9b::7f00:1', '64:ff9b::808:808', '64:ff9b:1::a00:1', '2002:7f00:1::', '2002:a00:1::1'],
  ...['2001::1', '2001:0:4136:e378:8000:63bf:3fff:fdd2', '2001:db8::1', '3fff::1', '100::1'],
  ...['5f00::1', '4000::1', '1fff:ffff::1'],
];

test('nothing is sent to what is not of the open internet, however it is written', () => {
  for (const each of INNER) expect(guard.faultOf(of(each)), each).toBeDefined();
});

const OUTER = [
  ...['1.1.1.1', '8.8.8.8', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0'],
  ...['126.255.255.255', '128.0.0.1', '169.253.255.255', '172.15.255.255', '172.32.0.0'],
  ...['192.167.255.255', '192.169.0.0', '223.255.255.255', '168.63.129.15'],
  ...['2606:4700:4700::1111', '2001:4860:4860::8888', '2a00:1450::1', '2003::1', '3ffe::1'],
];

test('what is of it may be sent to', () => {
  for (const each of OUTER) expect(guard.faultOf(of(each)), each).toBeUndefined();
});

test('whatever IPv4 address is mapped or tunnelled into IPv6 is refused', () => {
  const octet = fc.integer({ min: 0, max: 255 });
  fc.assert(
    fc.property(octet, octet, octet, octet, (a, b, c, d) => {
      const low = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
      const forms = ['::ffff:', '::', '64:ff9b::', '::ffff:0:', 'fe80::'].map((at) => at + low);
      for (const each of [...forms, `2002:${low}::1`, `2001:0:${low}::1`]) {
        expect(guard.faultOf(of(each)), each).toBeDefined();
      }
    }),
  );
});

test('an address of this machine is inner, though the world has it', () => {
  const own = createGuard([], () => new Set(['8.8.8.8']));
  expect(own.faultOf(of('8.8.8.8'))).toMatch(/this machine/);
  expect(createGuard(['8.8.8.8'], () => new Set(['8.8.8.8'])).faultOf(of('8.8.8.8'))).toBe(
    undefined,
  );
});

test("the operator's ranges are in order, and nothing beside them", () => {
  const own = createGuard(['10.1.0.0/16', 'fd00::/8', '192.168.1.7'], nobody);
  for (const each of ['10.1.0.1', '10.1.255.255', 'fd12::1', '192.168.1.7', '1.1.1.1']) {
    expect(own.faultOf(of(each)), each).toBeUndefined();
  }
  for (const each of ['10.0.255.255', '10.2.0.0', 'fc00::1', '192.168.1.8', '127.0.0.1']) {
    expect(own.faultOf(of(each)), each).toBeDefined();
  }
});

test('what is no address is none to send to', () => {
  for (const each of ['', 'localhost', '1.1.1', '0x7f.1', '2130706433', '::1%lo']) {
    expect(guard.faultOf(of(each)), each).toBeDefined();
  }
  expect(guard.faultOf({ address: '::ffff:8.8.8.8', family: 4 })).toBeDefined();
});

test('a range is an address, with a length that it can have', () => {
  for (const each of ['10.0.0.0/8', '::/0', 'fd00::/128', '127.0.0.1', '::1', '0.0.0.0/0']) {
    expect(rangeFault(each), each).toBeUndefined();
  }
  const wrong = ['', '10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/8/8', 'example.com', '10/8'];
  for (const each of wrong) expect(rangeFault(each), each).toBeDefined();
});
