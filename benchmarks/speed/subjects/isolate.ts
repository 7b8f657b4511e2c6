import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { assertAnswer, type Subject } from '../subject.js';

const execute = promisify(execFile);

/** A box made, used by each stage, and removed for each program, as its manual describes. */
export function isolate(path: string): Subject {
  let box = 0;
  return {
    name: 'isolate',
    run: async ({ stages, env, source }, program) => {
      box = (box + 1) % 100;
      const id = `--box-id=${box}`;
      const words = Object.entries({ PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/tmp', ...env });
      const names = words.map(([name, value]) => `--env=${name}=${value}`);
      const start = performance.now();
      const { stdout: made } = await execute(path, [id, '--init']);
      writeFileSync(join(made.trim(), 'box', source), program.code);
      let printed = '';
      for (const stage of stages) {
        const argv = stage.map((argument) => argument.replace(/^\/work\//, './'));
        const options = ['--processes=256', '--silent', ...names, '--run', '--'];
        printed = (await execute(path, [id, ...options, ...argv])).stdout;
      }
      await execute(path, [id, '--cleanup']);
      const ms = performance.now() - start;
      assertAnswer('isolate', program, printed);
      return ms;
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}
