import type { Random } from './random.js';

const METHODS = [
  ...['GET', 'POST', 'DELETE', 'HEAD', 'PUT', 'PATCH', 'OPTIONS', 'TRACE', 'CONNECT', 'QUERY'],
  ...[
    'get',
    'PROPFIND',
    'M-SEARCH',
    'G E T',
    'GE\0T',
    'PRI',
    '',
    'A'.repeat(300),
    '\x16\x03',
    'GÉT',
  ],
];
const VERSIONS = [
  ...['HTTP/1.1', 'HTTP/1.0', 'HTTP/0.9', 'HTTP/2.0', 'HTTP/1.2', 'HTTP/11.1', 'http/1.1'],
  ...['HTTP/1.1 ', 'HTTP/1', 'HTTP/1.1\x0b', '', 'RTSP/1.0', 'HTTP /1.1'],
];
const PATHS = [
  ...['/healthz', '/readyz', '/capabilities', '/execute', '/executions', '/executions/batch'],
  ...['/executions/x', '/executions/exe_00000000-0000-7000-8000-000000000000/events', '/metrics'],
  ...['/docs', '/openapi.json', '/admin/keys', '/diagnostics', '/nothing', '/', '//', '/..', '/.'],
];
const PIECES = [
  ...['%00', '%2e%2e%2f', '%252e', '%c0%af', '%ff', '%ZZ', '%', '%2', '%E2%82', '%F0%9F%98%80'],
  ...['../', '..;/', '\\', ';a=b', '#x', '?', '?a=1&a=2', '?__proto__=1', '?a[]=1', '?limit=-1'],
  ...['?wait_s=99999999999999999999', '?cursor=%00', '{id}', '*', '\xff\xfe', '\t', '\0', '|', '"'],
];
const AUTHORITIES = [
  ...['http://localhost', 'http://evil.example', 'https://localhost', 'http://', 'http://[::1]:1'],
  ...['http://user:pw@localhost', 'ftp://localhost', 'localhost:80', 'HTTP://LOCALHOST', 'http:'],
];
const NAMES = [
  ...['Host', 'Content-Type', 'Content-Length', 'Transfer-Encoding', 'Authorization', 'Origin'],
  ...['Expect', 'Upgrade', 'Connection', 'X-Request-Id', 'Idempotency-Key', 'Last-Event-ID', 'TE'],
  ...['X', 'Cookie', 'Content-Encoding', '__proto__', 'constructor', 'a b', 'a:b', '', '\0', 'Ä'],
  ...['Content-Length ', ' Content-Length', 'Access-Control-Request-Method', 'Sec-Fetch-Site'],
  ...['X-Forwarded-For', 'X-HTTP-Method-Override', 'Proxy-Connection', 'HTTP2-Settings', 'Trailer'],
];
const VALUES = [
  ...['localhost', '', '0', '-1', '1', '4294967296', '99999999999999999999', '0x10', '1e1', '+1'],
  ...['chunked', 'gzip', 'identity', 'close', 'keep-alive', 'upgrade', 'websocket', 'h2c', 'null'],
  ...['100-continue', 'application/json', 'application/json; charset=utf-16', 'text/plain', '*/*'],
  ...['Bearer gzl_x', 'Basic Og==', 'http://evil.example', 'cross-site', 'a'.repeat(5000), '\x01'],
  ...[
    'a\0b',
    '\xff\xfe',
    '"',
    '1, 1',
    'a\rb',
    '../../etc/passwd',
    '$' + '{jndi:ldap://x}',
    '%s%n%x',
  ],
];

export function target(random: Random): string {
  const from = random.chance(0.15) ? random.pick(AUTHORITIES) : '';
  const pieces = random.times(3, () => random.pick(PIECES)).join('');
  const length = random.chance(0.02) ? `/${'a'.repeat(random.below(20_000))}` : '';
  return `${from}${random.pick(PATHS)}${length}${pieces}`;
}

export function requestLine(random: Random): string {
  const space = random.chance(0.9) ? ' ' : random.pick(['  ', '\t', '', '\r', '\x0b', '\0']);
  const method = random.chance(0.6) ? random.pick(['GET', 'POST', 'DELETE']) : random.pick(METHODS);
  const version = random.chance(0.8) ? 'HTTP/1.1' : random.pick(VERSIONS);
  return `${method}${space}${target(random)}${space}${version}`;
}

export function header(random: Random): string {
  const colon = random.chance(0.9)
    ? ': '
    : random.pick([':', '', ' : ', ':\t', '=', ':\r\n ', '::']);
  return `${random.pick(NAMES)}${colon}${random.pick(VALUES)}`;
}

export function lineEnd(random: Random): string {
  return random.chance(0.93) ? '\r\n' : random.pick(['\n', '\r', '\n\r', '\r\r\n', '\r\n ', '\0']);
}
