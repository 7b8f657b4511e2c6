const HEAD_BYTES = 8;
const STDERR = 2;
/** The runtime's words on a container that did not start; more is of no use. */
const WORDS_BYTES_MAX = 4096;

/**
 * Takes apart a container's attached streams: 8 bytes of head (stream, 0, 0, 0, length as a
 * big-endian number), then bytes of that stream. Standard output is the supervisor's frames.
 * @returns takes the next chunk
 */
export function streamSplitter(onOutput: (bytes: Buffer) => void) {
  let head = Buffer.alloc(0);
  let stream = 0;
  let left = 0;
  let words = '';
  const take = (bytes: Buffer): void => {
    if (stream !== STDERR) onOutput(bytes);
    else words = (words + bytes.toString('utf8')).slice(-WORDS_BYTES_MAX);
  };
  return {
    push: (chunk: Buffer): void => {
      let rest = chunk;
      while (rest.length > 0) {
        if (left > 0) {
          const bytes = rest.subarray(0, left);
          left -= bytes.length;
          rest = rest.subarray(bytes.length);
          take(bytes);
          continue;
        }
        const missing = HEAD_BYTES - head.length;
        head = Buffer.concat([head, rest.subarray(0, missing)]);
        rest = rest.subarray(missing);
        if (head.length < HEAD_BYTES) return;
        stream = head.readUInt8(0);
        left = head.readUInt32BE(4);
        head = Buffer.alloc(0);
      }
    },
    /** The end of what came on standard error. */
    words: (): string => words.trim(),
  };
}
