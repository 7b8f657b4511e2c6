import { spawn } from 'node:child_process';
import { mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BUILD } from '../build/paths.mjs';
import { runLoudly } from '../build/run-loudly.mjs';
import { StartError } from '../start/errors.mjs';

const SANDBOXD = join(BUILD, 'sandboxd');

/**
 * Imports the tree that sandboxd writes (itself as process 1, a synthetic /etc, mount points) into
 * the engine; with `usr: 'image'` the /usr of `from` as well, else containers get this host's by a
 * bind.
 */
export async function makeImage({ socket, tag, uidBase, usr, from = '/' }) {
  const folder = mkdtempSync(join(tmpdir(), 'gozolite-image-'));
  try {
    await runLoudly(SANDBOXD, ['--image-skeleton', folder, uidBase]);
    const profile = Buffer.from(await runLoudly(SANDBOXD, ['--engine-profile'])).toString('base64');
    const labels = { 'uid-base': uidBase, seccomp: profile, usr };
    // An engine refuses a path that comes twice.
    if (usr === 'image') rmdirSync(join(folder, 'usr'));
    const whole = usr === 'image' ? ['-C', from, 'usr'] : [];
    const id = await importTree({ socket, tag, labels, folder, whole });
    return { id };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function importTree({ socket, tag, labels, folder, whole }) {
  const [repo, version = 'latest'] = tag.split(':');
  const query = new URLSearchParams({ fromSrc: '-', repo, tag: version });
  for (const [name, value] of Object.entries(labels)) {
    query.append('changes', `LABEL gozolite.${name}=${value}`);
  }
  // The tree is root's, whoever makes it.
  const owner = ['--numeric-owner', '--owner=0', '--group=0'];
  const tar = spawn('tar', ['-c', ...owner, '-C', folder, '.', ...whole], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const answer = await send(socket, `/v1.41/images/create?${query}`, tar.stdout);
  const words = answer.text.trim().split('\n').at(-1) ?? '';
  const { status, error } = JSON.parse(words);
  if (answer.status !== 200 || error !== undefined) {
    throw new StartError(`the engine took no image (HTTP ${answer.status}): ${words}`);
  }
  return status;
}

function send(socketPath, path, body) {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/x-tar' };
    const asked = request({ socketPath, path, method: 'POST', headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, text }));
    });
    asked.on('error', (error) => {
      reject(new StartError(`no container engine at ${socketPath}: ${error.message}`));
    });
    body.pipe(asked);
  });
}
