import { startTimer } from './timer.js';

/** Sends requests one after the other, and costs next to nothing itself. */
export interface Caller extends AsyncDisposable {
  /** @returns milliseconds from the request to the end of its answer, and that answer's body */
  post(path: string, body: string): Promise<{ readonly ms: number; readonly answer: string }>;
}

/**
 * A C program on one kept connection: a caller in Node adds a millisecond of its own to each.
 * @param url on this machine
 * @param headers more of them, each with its line's end
 */
export function startCaller(url: string, headers = ''): Caller {
  const { port, hostname } = new URL(url);
  if (!/^(127\.|localhost$)/.test(hostname)) throw new Error(`${url} is not on this machine`);
  const timer = startTimer('post', [port, 'request'], { path: 'request', content: '' });
  let last = '';
  return {
    post: async (path, body) => {
      const request =
        `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n` +
        `Content-Type: application/json\r\n${headers}` +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
      if (request !== last) timer.write('request', request);
      last = request;
      const ms = await timer.run();
      const text = timer.printed();
      return { ms, answer: text.slice(text.indexOf('\r\n\r\n') + 4) };
    },
    [Symbol.asyncDispose]: () => timer[Symbol.asyncDispose](),
  };
}
