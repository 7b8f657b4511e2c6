import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { assertAnswer, type Subject } from '../subject.js';

const execute = promisify(execFile);

/** `docker run` of an image that is there and has the same toolchains at the same paths. */
export function docker(image: string): Subject {
  const folder = mkdtempSync(join(tmpdir(), 'gozolite-docker-'));
  return {
    name: 'docker run',
    run: async ({ stages, env, source }, program) => {
      writeFileSync(join(folder, source), program.code);
      const names = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
      const options = ['--rm', '--network=none', '-v', `${folder}:/work`, '-w', '/work', ...names];
      const [first = []] = stages;
      const script = ['sh', '-c', stages.map((stage) => stage.map(quoted).join(' ')).join(' && ')];
      const argv = stages.length === 1 ? first : script;
      const start = performance.now();
      const { stdout } = await execute('docker', ['run', ...options, image, ...argv]);
      const ms = performance.now() - start;
      assertAnswer('docker run', program, stdout);
      return ms;
    },
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
