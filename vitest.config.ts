import { defineConfig } from 'vitest/config';

const CONFORMANCE = 'tests/conformance/conformance.test.ts';
const GOLDEN = 'packages/**/*golden*.test.ts';

/** Suites against a real server run one file after the other: they measure time and memory. */
function project(name: string, include: string[], testTimeout: number) {
  return {
    test: {
      name,
      include,
      exclude: ['**/node_modules/**', ...(name === 'units' ? [GOLDEN] : [])],
      testTimeout,
      hookTimeout: testTimeout,
      fileParallelism: name === 'units',
    },
  };
}

const serverProject = (name: string, testTimeout: number) =>
  project(name, [`tests/${name}/**/*.test.ts`], testTimeout);

export default defineConfig({
  test: {
    projects: [
      project('units', ['packages/*/src/**/*.test.ts', 'scripts/**/*.test.{ts,mjs}'], 15_000),
      project('fixtures', [GOLDEN], 15_000),
      serverProject('store', 60_000),
      serverProject('conformance', 120_000),
      serverProject('hostile', 300_000),
      serverProject('faults', 60_000),
      serverProject('limits', 120_000),
      serverProject('prepare', 300_000),
      serverProject('templates', 300_000),
      serverProject('surface', 120_000),
      serverProject('reduced', 300_000),
      serverProject('integration', 120_000),
      serverProject('service', 120_000),
      serverProject('contract', 300_000),
      serverProject('edge', 120_000),
      serverProject('network', 120_000),
      serverProject('packs', 600_000),
      serverProject('readme', 120_000),
      serverProject('start', 600_000),
      serverProject('kills', 120_000),
      project('container', ['tests/container/**/*.test.ts', CONFORMANCE], 120_000),
    ],
  },
});
