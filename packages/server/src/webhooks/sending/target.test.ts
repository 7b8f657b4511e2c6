import { expect, test } from 'vitest';
import { createGuard } from './address.js';
import { targetFault } from './target.js';

const strict = { guard: createGuard([], () => new Set()), http: false };
const own = { guard: createGuard(['127.0.0.0/8'], () => new Set()), http: true };

test('https to a name or to an address of the world will do', () => {
  for (const url of [
    'https://example.com/hook?token=a',
    'https://example.com:8443/',
    'https://1.1.1.1/',
    'https://[2606:4700:4700::1111]/x',
  ]) {
    expect(targetFault(url, strict), url).toBeUndefined();
  }
});

test('addresses in every spelling that URLs know are seen', () => {
  for (const host of [
    ...['127.0.0.1', '127.1', '0x7f000001', '2130706433', '017700000001', '0x7f.0.0.1'],
    ...['[::1]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:ffff:a9fe:a9fe]'],
    ...['localhost', 'LOCALHOST.', 'a.localhost'],
    ...['[64:ff9b::7f00:1]', '169.254.169.254', '１２７.0.0.1', '127。0。0。1', '[fd00:ec2::254]'],
  ]) {
    expect(targetFault(`https://${host}/`, strict), host).toMatch(/^Nothing is sent to /);
  }
});

test('what is no https, or says more than where, is refused', () => {
  const wrong: readonly [string, RegExp][] = [
    ['http://example.com/', /https only/],
    ['ftp://example.com/', /https only/],
    ['file:///etc/passwd', /https only/],
    ['javascript:alert(1)', /https only/],
    ['https://user:pass@example.com/', /user and password/],
    ['https://example.com/#part', /fragment/],
    ['https://example.com/#', /fragment/],
    ['example.com/hook', /no URL/],
    ['/hook', /no URL/],
    ['https://', /no URL/],
    [`https://example.com/${'a'.repeat(2048)}`, /at most 2048 bytes/],
  ];
  for (const [url, why] of wrong) expect(targetFault(url, strict), url).toMatch(why);
});

test('http and inner addresses are for the operator to allow', () => {
  expect(targetFault('http://127.0.0.1:8080/', own)).toBeUndefined();
  expect(targetFault('http://localhost:8080/', own)).toBeUndefined();
  expect(targetFault('http://10.0.0.1/', own)).toMatch(/^Nothing is sent to /);
  expect(targetFault('ws://127.0.0.1/', own)).toMatch(/https only/);
});
