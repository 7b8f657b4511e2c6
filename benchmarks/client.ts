import { Agent, request } from 'node:http';
import type { Execution } from '@gozolite/contract/execution';

export interface Answer {
  readonly http: number;
  readonly record: Execution;
}

/** A client that keeps its connections, as a caller with many programs has. */
export function client(url: string, connections: number, key?: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const target = new URL('/execute', url);
  const execute = (body: object, signal?: AbortSignal): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const text = JSON.stringify(body);
      const headers = {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(text),
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      };
      const options = {
        method: 'POST',
        agent,
        headers,
        ...(signal === undefined ? {} : { signal }),
      };
      const call = request(target, options, (response) => {
        let answer = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          answer += chunk;
        });
        response.on('error', reject);
        response.on('end', () =>
          resolve({ http: response.statusCode ?? 0, record: JSON.parse(answer) }),
        );
      });
      call.on('error', reject);
      call.end(text);
    });
  return { execute, close: () => agent.destroy() };
}

export type Client = ReturnType<typeof client>;
