import type { IncomingMessage } from 'node:http';
import type { Problem } from '@gozolite/contract/refusal';
import { GozoConnectionError, GozoProblem } from './errors.js';

const BYTES_MAX = 1024 * 1024;

/** Why a server answered with something else than a WebSocket. */
export async function problemIn(response: IncomingMessage, url: string): Promise<Error> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += chunk.length;
    if (bytes > BYTES_MAX) break;
    chunks.push(chunk);
  }
  const { statusCode, headers } = response;
  const problem = parse(Buffer.concat(chunks).toString('utf8'));
  const isProblem = headers['content-type']?.startsWith('application/problem+json') === true;
  if (!isProblem || problem === undefined) {
    return new GozoConnectionError(url, `HTTP ${statusCode} is no WebSocket of GozoLite`);
  }
  const seconds = Number(headers['retry-after'] ?? Number.NaN);
  return new GozoProblem(problem, Number.isFinite(seconds) ? seconds * 1000 : undefined);
}

/** The server is believed here, as for every other answer. */
function parse(text: string): Problem | undefined {
  try {
    return JSON.parse(text) as Problem;
  } catch {
    return undefined;
  }
}
