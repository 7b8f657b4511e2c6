import { request } from 'node:http';

/**
 * A `fetch` over a unix socket, for the SDK: the one of Node only knows TCP, where every user of
 * the host could talk to a private engine.
 */
export function fetchOver(socketPath: string) {
  return (url: string, init: RequestInit): Promise<Response> =>
    new Promise((resolve, reject) => {
      const { pathname, search } = new URL(url);
      const call = request(
        {
          socketPath,
          path: `${pathname}${search}`,
          method: init.method ?? 'GET',
          headers: { ...Object.fromEntries(new Headers(init.headers)), host: 'localhost' },
          ...(init.signal ? { signal: init.signal } : {}),
        },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('error', reject);
          answer.on('end', () => {
            const headers = new Headers();
            for (const [name, value] of Object.entries(answer.headers)) {
              headers.set(name, String(value));
            }
            resolve(
              new Response(Buffer.concat(chunks), { status: answer.statusCode ?? 0, headers }),
            );
          });
        },
      );
      call.on('error', reject);
      call.end(init.body ?? undefined);
    });
}
