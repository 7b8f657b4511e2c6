import { expect, test } from 'vitest';
import { streamSplitter } from './streams.js';

function piece(stream: number, text: string): Buffer {
  const head = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([head, Buffer.from(text)]);
}

test('frames come out whole, whatever the chunks, and the words of the runtime apart', () => {
  const whole = Buffer.concat([piece(1, 'frames'), piece(2, 'no such file'), piece(1, ' more')]);
  for (const size of [1, 3, 8, whole.length]) {
    let output = '';
    const splitter = streamSplitter((bytes) => {
      output += bytes.toString();
    });
    for (let at = 0; at < whole.length; at += size) splitter.push(whole.subarray(at, at + size));
    expect(output).toBe('frames more');
    expect(splitter.words()).toBe('no such file');
  }
});
