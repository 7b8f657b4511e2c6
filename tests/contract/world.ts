import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plantPack, removePack } from '../planted-packs.js';
import { serverUnderTest } from '../server-under-test.js';

/** What makes a server whose programs cost little, and that has one language to look for. */
export interface World extends Disposable {
  readonly env: Readonly<Record<string, string>>;
}

const POLICY = `
limits:
  run: { defaults: { wall_time_ms: 2000, cpu_time_ms: 1000, output_kb: 64, processes: 32 } }
`;

/** Where the launcher of the server under test looks: `npm start` told it. */
const packsFolder = (): string => join(serverUnderTest().state, 'packs');

export function cheapWorld(): World {
  const packs = packsFolder();
  const bash = plantPack(packs, 'bash@5.2', {});
  const policies = mkdtempSync(join(tmpdir(), 'gozolite-policies-'));
  for (const name of ['default', 'local']) {
    writeFileSync(join(policies, `${name}.yaml`), POLICY, { mode: 0o644 });
  }
  return {
    env: {
      GOZO_PACKS: packs,
      // A refresh looks for this one toolchain, not for all that the host has.
      GOZO_HOST_TOOLCHAINS: 'false',
      GOZO_POLICIES: policies,
      GOZO_QUEUE: '4096',
      GOZO_QUEUE_WAIT_MS: '60000',
    },
    [Symbol.dispose]: () => {
      removePack(packs, bash);
      rmSync(policies, { recursive: true });
    },
  };
}
