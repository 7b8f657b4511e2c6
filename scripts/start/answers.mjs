import { get } from 'node:http';
import { connect } from 'node:net';

/** Whether somebody listens on a unix socket. */
export function socketAnswers(path) {
  return new Promise((resolve) => {
    const connection = connect(path);
    connection.on('connect', () => {
      connection.destroy();
      resolve(true);
    });
    connection.on('error', () => resolve(false)); // None there, or one that a killed process left.
  });
}

/** Whether the server answers 200 there. */
export async function serverAnswers(settings, path) {
  return (await request(settings, path))?.status === 200;
}

/** The JSON of a 200 answer; throws with what came instead. */
export async function getJson(settings, path) {
  const answer = await request(settings, path);
  if (answer?.status !== 200) throw new Error(`GET ${path}: ${answer?.status ?? 'no answer'}`);
  return JSON.parse(answer.body);
}

/** One GET on a connection of its own: a drain must not wait for a kept-alive one of ours. */
function request({ host, port }, path) {
  return new Promise((resolve) => {
    const options = { host: localHost(host), port, path, agent: false, timeout: 10_000 };
    const call = get(options, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, body }));
      response.on('error', () => resolve(null));
    });
    call.on('timeout', () => call.destroy());
    call.on('error', () => resolve(null));
  });
}

/** A server on every address is reached on the loopback one. */
function localHost(host) {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}
