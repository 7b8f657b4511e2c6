import { spawn } from 'node:child_process';
import { StartError } from '../start/errors.mjs';

/** Last lines of a failed command that are shown. */
const LINES_SHOWN = 40;
const CHARS_KEPT = 64 * 1024;

/** Runs a command quietly; where it fails, throws with the command and the end of its output. */
export function runLoudly(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-CHARS_KEPT);
    };
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    child.on('error', (cause) => reject(failure(command, args, cause.message)));
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output);
      else reject(failure(command, args, `ended with ${signal ?? code}\n${tail(output)}`));
    });
  });
}

function failure(command, args, what) {
  return new StartError(`${[command, ...args].join(' ')}: ${what}`);
}

function tail(output) {
  return output.trimEnd().split('\n').slice(-LINES_SHOWN).join('\n');
}
