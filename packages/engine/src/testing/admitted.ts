import { limitPolicyFor } from '@gozolite/contract/limits';
import type { Recipe } from '@gozolite/contract/recipe';
import type { Admitted } from '../admitted.js';
import { makeExecutionId } from '../id.js';

const limits = limitPolicyFor(2, 8 << 20);
const launch = { digest: 'd', rootfs: 'host', command: ['/bin/true'], env: {} };
const recipe: Recipe = {
  ...{ language: 'any', version: '1', toolchain: { source: 'host', version: '1' }, source: 'main' },
  run: { launch, args: [], env: {}, limits: {} },
};

/** One with an id of its own, whose program and limits are nobody's concern. */
export function admitted(): Admitted {
  return {
    ...{ id: makeExecutionId(), requestId: 'r', tenant: 'acme', createdAt: new Date(0), recipe },
    limits: { run: limits.run.defaults },
    ...{ files: [], entry: 'main', stdin: Buffer.alloc(0), args: [], env: {} },
    ...{ compileArgs: [], artifacts: [] },
  };
}
