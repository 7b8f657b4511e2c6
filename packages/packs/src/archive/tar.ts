import { ok, type Result, refuse } from '@gozolite/contract/result';

/** ustar (pax(1), POSIX.1-2017), regular files only: all that an archive of packs consists of. */
export const BLOCK_BYTES = 512;
const NAME_BYTES_MAX = 100;
/** What eleven octal digits hold. */
const SIZE_MAX = 8 ** 11 - 1;

export interface Header {
  readonly name: string;
  readonly size: number;
}

export function headerBlock({ name, size }: Header): Buffer {
  if (Buffer.byteLength(name) > NAME_BYTES_MAX || size > SIZE_MAX) {
    throw new Error(`${name} does not fit into a header`);
  }
  const block = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`;
  block.write(name, 0);
  block.write(octal(0o444, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(size, 11), 124);
  block.write(octal(0, 11), 136);
  block.write('0', 156);
  block.write('ustar\u000000', 257);
  block.write(octal(checksumOf(block), 6).padEnd(8, ' '), 148);
  return block;
}

/** @returns null for the block of zeros that ends an archive */
export function parseHeader(block: Buffer): Result<Header | null, string> {
  if (block.every((byte) => byte === 0)) return ok(null);
  const text = (start: number, length: number) => {
    const field = block.subarray(start, start + length);
    const end = field.indexOf(0);
    return field.subarray(0, end < 0 ? length : end).toString('utf8');
  };
  const name = text(0, NAME_BYTES_MAX);
  const said = Number.parseInt(text(148, 8).trim(), 8);
  if (text(257, 5) !== 'ustar' || said !== checksumOf(block)) {
    return refuse('it is no archive of packs, or it is damaged');
  }
  const kind = text(156, 1);
  const isPlain = (kind === '0' || kind === '') && text(157, 100) === '' && text(345, 155) === '';
  if (!isPlain) return refuse(`${JSON.stringify(name)} is no regular file`);
  const size = text(124, 12).trim();
  if (!/^[0-7]{1,11}$/.test(size)) return refuse(`${JSON.stringify(name)} has no size`);
  return ok({ name, size: Number.parseInt(size, 8) });
}

/** The sum of the bytes, those of the checksum itself taken as blanks. */
function checksumOf(block: Buffer): number {
  return block.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 32 : byte), 0);
}

/** Bytes between the end of a file and the next header. */
export function paddingOf(size: number): number {
  return (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
}
