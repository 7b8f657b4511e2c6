import { frameDecoder } from '../native/protocol/frames.js';
import type { Container } from './engine/container.js';
import { streamSplitter } from './engine/streams.js';
import { type Facts, parseFacts } from './facts.js';

const GREETING_MS_MAX = 60_000;

/**
 * Starts a container only to hear what its process 1 finds.
 * @throws what went wrong, in the engine's words where it has some
 */
export async function greet(container: Container): Promise<Facts> {
  const socket = await container.attach();
  try {
    const facts = new Promise<Facts>((resolve, reject) => {
      const decode = frameDecoder(({ header }) => resolve(parseFacts(header)));
      const splitter = streamSplitter(decode);
      const lose = (why: string) =>
        void container.end().then(({ detail }) => reject(new Error(`${why}; ${detail}`)));
      socket.setTimeout(GREETING_MS_MAX, () => reject(new Error('the container says nothing')));
      socket.on('data', (chunk) => {
        try {
          splitter.push(chunk);
        } catch (error) {
          reject(error);
        }
      });
      socket.on('error', (error) => lose(error.message));
      socket.on('close', () => lose(splitter.words() || 'the container ended'));
    });
    facts.catch(() => undefined); // Looked at only where the start went well.
    await container.start();
    return await facts;
  } finally {
    socket.destroy();
  }
}
