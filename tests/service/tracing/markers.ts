/** Where a caller can put something, each with a word that stands nowhere else. */
const PLACES = [
  ...['code', 'stdin', 'fileName', 'fileText', 'arg', 'compileArg', 'envName', 'envValue'],
  ...['label', 'glob', 'dataSet', 'language', 'unknownField', 'network', 'output', 'artifact'],
  ...['header', 'cookie', 'agent', 'requestId', 'idempotencyKey', 'query', 'path', 'mediaType'],
  ...['trace', 'key', 'token', 'claim', 'brokenJson', 'rawBytes', 'method', 'oversized'],
] as const;
export type Place = (typeof PLACES)[number];

/** Letters and digits only: no encoding but base64 changes them. */
export const MARK = Object.fromEntries(
  PLACES.map((place) => [place, `zqMARK${place}7Kx93`]),
) as Readonly<Record<Place, string>>;

/** The words that stand in a text, as they are or in base64. */
export function marksIn(text: string): readonly string[] {
  return Object.values(MARK).filter((mark) => formsOf(mark).some((form) => text.includes(form)));
}

/** What base64 makes of it depends on where it begins; what its neighbours change is left out. */
function formsOf(mark: string): readonly string[] {
  const encoded = [0, 1, 2].map((before) => {
    const text = Buffer.from(`${'.'.repeat(before)}${mark}`)
      .toString('base64')
      .replace(/=+$/, '');
    return text.slice(before === 0 ? 0 : before + 1, -1);
  });
  return [mark, ...encoded, Buffer.from(mark).toString('hex')];
}
