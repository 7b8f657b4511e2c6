import assert from 'node:assert/strict';
import { test } from 'vitest';
import { checkArrows, checkCircles, importsOf } from './imports.js';

function importsIn(files: Readonly<Record<string, string>>) {
  const sources = Object.entries(files).map(([path, text]) => ({
    path,
    text,
    lines: text.split('\n'),
  }));
  return importsOf(sources);
}

const arrows = [
  { name: 'an arrow down', from: 'engine/src/a.ts', specifier: '@gozolite/contract/x', bad: false },
  { name: 'an arrow up', from: 'contract/src/a.ts', specifier: '@gozolite/engine/x', bad: true },
  { name: 'sideways', from: 'languages/src/a.ts', specifier: '@gozolite/sandbox/x', bad: true },
  {
    name: 'out by a path',
    from: 'engine/src/a.ts',
    specifier: '../../sandbox/src/x.js',
    bad: true,
  },
  { name: 'a package without a row', from: 'new/src/a.ts', specifier: './x.js', bad: true },
  { name: 'server in the CLI', from: 'cli/src/run.ts', specifier: '@gozolite/server/x', bad: true },
  {
    name: 'server in its local mode',
    from: 'cli/src/local.ts',
    specifier: '@gozolite/server/x',
    bad: false,
  },
] as const;
for (const { name, from, specifier, bad } of arrows) {
  test(`${name} is ${bad ? 'found' : 'allowed'}`, () => {
    const found = checkArrows(
      importsIn({ [`packages/${from}`]: `import type { X } from '${specifier}';` }),
    );
    assert.equal(found.length, bad ? 1 : 0, JSON.stringify(found));
  });
}

test('a circle is found though half of it is type-only or dynamic', () => {
  const imports = importsIn({
    'packages/engine/src/a.ts': "import type { B } from './b.js';",
    'packages/engine/src/b.ts': "const c = await import('@gozolite/engine/c');",
    'packages/engine/src/c.ts': "export { a } from './a.js';",
  });
  const [circle] = checkCircles(imports);
  assert.match(circle?.message ?? '', /a\.ts → .*b\.ts → .*c\.ts → .*a\.ts/);
});

test('an import in a comment is none', () => {
  const text = "// import { x } from './a.js';\n/* import './a.js' */\n";
  assert.deepEqual(importsIn({ 'packages/engine/src/a.ts': text }), []);
});
