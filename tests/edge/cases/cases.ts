import { contentType, json } from './bodies.js';
import { header, lineEnd, requestLine, target } from './lines.js';
import { type Random, randomOf } from './random.js';

/** One connection: what is sent over it, and what may come back. */
export interface Case {
  readonly kind: string;
  /** Sent one after the other. */
  readonly pieces: readonly Buffer[];
  /** Framed so that two readers could part it differently: one answer of 400, and closed. */
  readonly isAmbiguous?: boolean;
  /** How the client goes: it waits for an answer, half-closes, resets, or holds on. */
  readonly leaves: 'answered' | 'half' | 'reset' | 'holds';
}

const HOST = 'Host: localhost';
const JSON_TYPE = 'Content-Type: application/json';
/** What an attacker would have a proxy's next client be answered with. */
const INNER = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** Each of these frames a body in two ways, or in none that RFC 9112 §6 knows. */
const AMBIGUOUS: readonly (readonly string[])[] = [
  ['Content-Length: 5', 'Transfer-Encoding: chunked'],
  ['Transfer-Encoding: chunked', 'Content-Length: 5'],
  ['Content-Length: 5', 'Content-Length: 6'],
  ['Content-Length: 5, 6'],
  ['Content-Length: 5 5'],
  ['Content-Length: 0x5'],
  ['Content-Length: +5'],
  ['Content-Length: -5'],
  ['Content-Length: 5\x0b'],
  ['Content-Length : 5'],
  ['Content-Length: 99999999999999999999999'],
  ['Transfer-Encoding: xchunked'],
  ['Transfer-Encoding: chunked, identity'],
  ['Transfer-Encoding: gzip'],
  ['Transfer-Encoding : chunked'],
  ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'],
  ['Transfer-Encoding: \x0bchunked'],
  ['Transfer-Encoding: "chunked"'],
  ['Transfer-Encoding:\n chunked', 'Content-Length: 5'],
  ['X: y\rTransfer-Encoding: chunked', 'Content-Length: 5'],
  ['X: y\nContent-Length: 5', 'Transfer-Encoding: chunked'],
];

const CHUNKS = [
  ...[
    '5\r\nhello\r\n0\r\n\r\n',
    '5;x=y\r\nhello\r\n0\r\n\r\n',
    'ZZ\r\n',
    '-1\r\n',
    '0x5\r\nhello\r\n',
  ],
  ...[
    'FFFFFFFFFFFFFFFFF\r\n',
    '5\nhello\n0\n\n',
    '5 \r\nhello\r\n0\r\n\r\n',
    '5\r\nhelloXX0\r\n\r\n',
  ],
  ...[
    '0\r\nX: y\r\n\r\n',
    '0\r\nContent-Length: 5\r\nHost: evil\r\n\r\n',
    '0\r\n',
    '',
    '7FFFFFFF\r\nx',
  ],
  ...[`5;${'a'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n`, `0\r\n${'T: y\r\n'.repeat(4000)}\r\n`],
  ...[
    '1\r\n{\r\n1\r\n}\r\n0\r\n\r\n',
    '2\r\n{}\r\n0\r\n\r\n',
    '00000000000000000002\r\n{}\r\n0\r\n\r\n',
  ],
];

const GREETINGS = [
  ...[
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    '\x05\x01\x00',
  ],
  ...[
    'SSH-2.0-x\r\n',
    'EHLO x\r\n',
    '\0\0\0\0',
    '\r\n'.repeat(100),
    '{"language":"bash"}\n',
    'quit\n',
  ],
];

type Make = (random: Random) => Omit<Case, 'kind' | 'leaves'>;

const KINDS: Readonly<Record<string, Make>> = {
  lines: (random) => {
    const lines = [requestLine(random), ...random.times(1, () => HOST)];
    const headers = random.times(random.chance(0.03) ? 3000 : 6, () => header(random));
    const text = [...lines, ...headers].map((line) => line + lineEnd(random)).join('');
    return one(text + lineEnd(random));
  },
  targets: (random) =>
    one(`${random.pick(['GET', 'POST', 'DELETE'])} ${target(random)} HTTP/1.1\r\n${HOST}\r\n\r\n`),
  framing: (random) => {
    const lines = ['POST /execute HTTP/1.1', HOST, JSON_TYPE, ...random.pick(AMBIGUOUS)];
    const body = random.pick(['0\r\n\r\n', '5\r\nhello\r\n0\r\n\r\n', 'hello', '{}   ']);
    return { ...one(`${lines.join('\r\n')}\r\n\r\n${body}${INNER}`), isAmbiguous: true };
  },
  chunks: (random) => {
    const lines = ['POST /execute HTTP/1.1', HOST, JSON_TYPE, 'Transfer-Encoding: chunked'];
    return inPieces(random, Buffer.from(`${lines.join('\r\n')}\r\n\r\n${random.pick(CHUNKS)}`));
  },
  bodies: (random) => {
    const body = json(random);
    const path = random.pick(['/execute', '/executions', '/executions/batch', '/healthz']);
    const wrong = random.chance(0.1) ? random.below(50) - 25 : 0;
    const length = Math.max(0, body.length + wrong);
    const lines = [`POST ${path} HTTP/1.1`, HOST, `Content-Length: ${length}`];
    const more = random.chance(0.1) ? [header(random)] : [];
    const head = [...lines, `Content-Type: ${contentType(random)}`, ...more].join('\r\n');
    return inPieces(random, Buffer.concat([Buffer.from(`${head}\r\n\r\n`), body]));
  },
  pipelined: (random) => {
    const asked = random.times(20, () => INNER).join('');
    return inPieces(
      random,
      Buffer.from(`${asked}${requestLine(random)}\r\n${HOST}\r\n\r\n${INNER}`),
    );
  },
  mutated: (random) => {
    const body = '{"language":"nosuch","code":"1"}';
    const head = ['POST /execute HTTP/1.1', HOST, JSON_TYPE, `Content-Length: ${body.length}`];
    const bytes = Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
    return inPieces(random, mutate(random, bytes));
  },
  greetings: (random) =>
    one(random.chance(0.5) ? random.pick(GREETINGS) : random.bytes(random.below(400))),
  expecting: (random) => {
    const lines = ['POST /execute HTTP/1.1', HOST, JSON_TYPE, 'Content-Length: 2'];
    const asked = random.pick([
      '100-continue',
      '100-Continue',
      'x',
      '200-ok',
      '',
      '100-continue, x',
    ]);
    const upgrade = random.chance(0.3) ? ['Connection: Upgrade', 'Upgrade: websocket'] : [];
    const head = [...lines, `Expect: ${asked}`, ...upgrade].join('\r\n');
    return { pieces: [Buffer.from(`${head}\r\n\r\n`), Buffer.from('{}')] };
  },
};

const NAMES = Object.keys(KINDS);

/** The same for the same seed and number, whatever ran before. */
export function caseOf(seed: number, number: number): Case {
  const random = randomOf(Math.imul(seed, 0x9e3779b1) + Math.imul(number, 0x85ebca6b));
  const kind = random.pick(NAMES);
  const made: ReturnType<Make> = KINDS[kind]?.(random) ?? one('');
  const leaves = made.isAmbiguous === true ? 'answered' : leaving(random);
  return { kind, ...made, leaves };
}

function leaving(random: Random): Case['leaves'] {
  if (random.chance(0.7)) return 'answered';
  return random.pick(['half', 'reset', 'holds'] as const);
}

function one(bytes: string | Buffer): { readonly pieces: readonly Buffer[] } {
  return { pieces: [typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes] };
}

/** As a whole, in a few writes, or without its end. */
function inPieces(random: Random, bytes: Buffer): { readonly pieces: readonly Buffer[] } {
  if (random.chance(0.5)) return { pieces: [bytes] };
  const cuts = random.times(6, () => random.below(bytes.length + 1)).sort((one, two) => one - two);
  const ends = [...cuts, random.chance(0.3) ? (cuts.at(-1) ?? 0) : bytes.length];
  return { pieces: ends.map((end, at) => bytes.subarray(ends[at - 1] ?? 0, end)) };
}

function mutate(random: Random, bytes: Buffer): Buffer {
  let changed = bytes;
  for (let count = 1 + random.below(8); count > 0; count -= 1) {
    const at = random.below(changed.length + 1);
    const [before, after] = [changed.subarray(0, at), changed.subarray(at)];
    const kept = after.subarray(random.below(Math.min(8, after.length + 1)));
    const added = random.chance(0.5) ? random.bytes(random.below(4)) : before.subarray(-5);
    changed = Buffer.concat([before, added, kept]);
  }
  return changed;
}
