/** The frame of docs/reference/launch-protocol.md: two lengths, a JSON header, raw bytes. */
export interface Frame {
  readonly header: FrameHeader;
  readonly payload: Uint8Array;
}

export interface FrameHeader {
  readonly type: string;
  readonly [member: string]: unknown;
}

export const HEADER_BYTES_MAX = 64 * 1024;
export const PAYLOAD_BYTES_MAX = 1024 * 1024;
const HEADER_BYTES_MIN = 2;
const PREFIX_BYTES = 8;

/** Larger payloads are handed to the socket as they are instead of being copied together. */
const COPIED_BYTES_MAX = 32 * 1024;

const NOTHING = new Uint8Array(0);

/** What came is not the launch protocol. The connection it came on is of no more use. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

export function frame(header: FrameHeader, payload: Uint8Array = NOTHING): Frame {
  return { header, payload };
}

/**
 * The bytes of several frames in as few pieces as copying little allows.
 * @throws FrameError where a header or a payload is past its bound: nothing can be sent then
 */
export function encodeFrames(frames: readonly Frame[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  const flush = () => {
    if (small.length > 0)
      pieces.push(small.length === 1 ? (small[0] ?? NOTHING) : Buffer.concat(small));
    small = [];
  };
  for (const { header, payload } of frames) {
    small.push(encodeHead(header, payload.length));
    if (payload.length <= COPIED_BYTES_MAX) {
      if (payload.length > 0) small.push(payload);
      continue;
    }
    flush();
    pieces.push(payload);
  }
  flush();
  return pieces;
}

function encodeHead(header: FrameHeader, payloadBytes: number): Buffer {
  const json = JSON.stringify(header);
  const headerBytes = Buffer.byteLength(json);
  if (headerBytes > HEADER_BYTES_MAX) throw new FrameError(`header of ${headerBytes} bytes`);
  if (payloadBytes > PAYLOAD_BYTES_MAX) throw new FrameError(`payload of ${payloadBytes} bytes`);
  const head = Buffer.allocUnsafe(PREFIX_BYTES + headerBytes);
  head.writeUInt32LE(headerBytes, 0);
  head.writeUInt32LE(payloadBytes, 4);
  head.write(json, PREFIX_BYTES);
  return head;
}

/**
 * Frames out of a stream that arrives in chunks of any size. A frame that lies within one chunk is
 * handed out as views of it; only one that spans chunks is copied, into memory that its own checked
 * lengths bound (header and payload bound together: about 1.1 MB).
 * @param onFrame is called once per frame, in order
 * @returns takes the next chunk; throws FrameError at the first thing that is no frame
 */
export function frameDecoder(onFrame: (frame: Frame) => void): (chunk: Buffer) => void {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  let prefixFilled = 0;
  let partial: { readonly bytes: Buffer; readonly headerBytes: number; filled: number } | undefined;

  const fillPartial = (into: NonNullable<typeof partial>, rest: Buffer): Buffer => {
    const copied = rest.copy(into.bytes, into.filled);
    into.filled += copied;
    if (into.filled === into.bytes.length) {
      partial = undefined;
      onFrame(split(into.bytes, into.headerBytes));
    }
    return rest.subarray(copied);
  };
  const take = (lengths: Lengths, rest: Buffer): Buffer => {
    const bytes = lengths.header + lengths.payload;
    if (rest.length < bytes) {
      const into = { bytes: Buffer.allocUnsafe(bytes), headerBytes: lengths.header, filled: 0 };
      partial = into;
      return fillPartial(into, rest);
    }
    onFrame(split(rest.subarray(0, bytes), lengths.header));
    return rest.subarray(bytes);
  };
  const fillPrefix = (rest: Buffer): Buffer => {
    const copied = rest.copy(prefix, prefixFilled);
    prefixFilled += copied;
    if (prefixFilled < PREFIX_BYTES) return rest.subarray(copied);
    prefixFilled = 0;
    return take(readLengths(prefix), rest.subarray(copied));
  };

  return (chunk) => {
    let rest = chunk;
    while (rest.length > 0) {
      if (partial !== undefined) rest = fillPartial(partial, rest);
      else if (prefixFilled > 0 || rest.length < PREFIX_BYTES) rest = fillPrefix(rest);
      else rest = take(readLengths(rest), rest.subarray(PREFIX_BYTES));
    }
  };
}

interface Lengths {
  readonly header: number;
  readonly payload: number;
}

function readLengths(prefix: Buffer): Lengths {
  const header = prefix.readUInt32LE(0);
  const payload = prefix.readUInt32LE(4);
  if (header < HEADER_BYTES_MIN || header > HEADER_BYTES_MAX) {
    throw new FrameError(`header length ${header}`);
  }
  if (payload > PAYLOAD_BYTES_MAX) throw new FrameError(`payload length ${payload}`);
  return { header, payload };
}

function split(body: Buffer, headerBytes: number): Frame {
  return {
    header: parseHeader(body.toString('utf8', 0, headerBytes)),
    payload: body.subarray(headerBytes),
  };
}

function parseHeader(json: string): FrameHeader {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new FrameError('a header that is not JSON', { cause });
  }
  if (!isHeader(value)) throw new FrameError('a header without a type');
  return value;
}

function isHeader(value: unknown): value is FrameHeader {
  return (
    typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
  );
}
