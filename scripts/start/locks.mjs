import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { socketAnswers } from './answers.mjs';
import { StartError } from './errors.mjs';

/**
 * Holds the state folder for this start and sees that socket and port are free, before anything
 * is built or touched.
 */
export async function acquireLocks(settings) {
  const server = await lockState(settings.state);
  await requireNoLauncher(settings.socket);
  await requireFreePort(settings.host, settings.port);
  return { release: () => server.close() };
}

const SECOND =
  'To run a second GozoLite on this machine, give it a GOZO_STATE, GOZO_SOCKET, GOZO_PORT and ' +
  'GOZO_UID_BASE of its own.';

/** An abstract socket (unix(7)) as lock: the kernel frees it however its holder dies. */
async function lockState(state) {
  const name = createHash('sha256').update(realpathOf(state)).digest('hex');
  try {
    return await listen({ path: `\0gozolite-state-${name}` });
  } catch (cause) {
    throw busy(cause, `GozoLite is already running on ${state}. Stop it first. ${SECOND}`);
  }
}

async function requireNoLauncher(socket) {
  if (!(await socketAnswers(socket))) return;
  throw new StartError(`a launcher already answers on ${socket}. Stop it first. ${SECOND}`);
}

async function requireFreePort(host, port) {
  try {
    const server = await listen({ host, port });
    await new Promise((resolve) => server.close(resolve));
  } catch (cause) {
    const message = `another program listens on ${host}:${port}. Stop it, or set GOZO_PORT.`;
    throw busy(cause, message, `GOZO_HOST, GOZO_PORT: can't listen on ${host}:${port}`);
  }
}

function busy(cause, taken, otherwise = taken) {
  if (cause.code === 'EADDRINUSE') return new StartError(taken);
  return new StartError(`${otherwise} (${cause.message})`);
}

function listen(where) {
  return new Promise((resolve, reject) => {
    const server = createServer((connection) => connection.destroy());
    server.on('error', reject);
    server.listen(where, () => {
      server.unref();
      resolve(server);
    });
  });
}

/** The real path of the longest part that exists, so that two names of one folder are one lock. */
function realpathOf(path) {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : `${realpathOf(parent)}${path.slice(parent.length)}`;
  }
}
