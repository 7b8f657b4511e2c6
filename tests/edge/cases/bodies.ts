import type { Random } from './random.js';

const SMALL = [
  ...['{}', '[]', 'null', '""', '0', '-0', '1e999', 'NaN', '{', '[', '"', '{"a":', '{"a"}', ''],
  ...[
    '{"language":"bash","language":"sh","code":":"}',
    '{"__proto__":{"x":1}}',
    '{"\\u005f_proto__":1}',
  ],
  ...[
    '{"constructor":{"prototype":{"toString":1}}}',
    '{"language":"nosuch","code":"1"}',
    '\ufeff{}',
  ],
  ...[
    '{"language":"\\ud800","code":"\\udfff"}',
    '{"language":{"$ne":1},"code":[]}',
    '{"code":"\\u0000"}',
  ],
  ...['{"language":"bash","code":":","limits":{"wall_time_ms":-1}}', '{"executions":[]}', '[1,]'],
  ...['{"language":"nosuch","files":[{"path":"../x","content":""}]}', "{'a':1}", '{"a":1}{"b":2}'],
  ...[
    '{"executions":[{},{},null,[],0,"x"]}',
    '{"language":"nosuch","env":{"__proto__":"x"}}',
    '//x',
  ],
];
const TYPES = [
  ...[
    'application/json',
    'application/json',
    'application/json',
    'application/json; charset=utf-8',
  ],
  ...[
    'text/plain',
    'application/JSON',
    'application/json; charset=utf-7',
    'multipart/form-data',
    ';;',
  ],
  ...[
    'application/x-www-form-urlencoded',
    'application/problem+json',
    '',
    'application/json, text/x',
  ],
];

export function contentType(random: Random): string {
  return random.pick(TYPES);
}

export function json(random: Random): Buffer {
  const size = random.below(random.chance(0.02) ? 200_000 : 2000);
  switch (random.below(10)) {
    case 0:
      return Buffer.from('['.repeat(size) + (random.chance(0.5) ? ']'.repeat(size) : ''));
    case 1:
      return Buffer.from('{"a":'.repeat(size));
    case 2:
      return Buffer.from(`[${'0,'.repeat(size)}0]`);
    case 3:
      return Buffer.from(`{${Array.from({ length: size }, (_, at) => `"${at}":0`).join()},"7":1}`);
    case 4:
      return random.bytes(size % 3000);
    case 5:
      return Buffer.concat([Buffer.from('{"code":"'), random.bytes(9), Buffer.from('"}')]);
    case 6:
      return Buffer.from(`{"language":"nosuch","code":"${'\\u0041\\"'.repeat(size)}"}`);
    case 7:
      return Buffer.from(JSON.stringify({ language: 'nosuch', code: '' }), 'utf16le');
    default:
      return Buffer.from(random.pick(SMALL));
  }
}
