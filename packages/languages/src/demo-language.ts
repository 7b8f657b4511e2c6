import type { LanguageFile } from './schema.js';

/** A small good language, for tests. */
export function demoLanguage(change: Partial<LanguageFile> = {}): LanguageFile {
  return {
    id: 'demo',
    name: 'Demo',
    aliases: ['dm'],
    piston: ['demo-lang'],
    judge0: [9001],
    extensions: ['.demo'],
    source: 'main.demo',
    toolchain: {
      candidates: [{ tool: '/usr/bin/demo' }],
      version: { command: ['{tool}', '--version'], pattern: 'demo (\\S+)' },
    },
    packages: { debian: ['demo'] },
    run: { command: ['{tool}', '{entry}', '{args}'] },
    template: 'hello\n',
    smokes: {
      hello: { code: 'hello', expect: { status: 'ok', stdout: 'hello\n' } },
      uncaught_error: { code: 'boom', expect: { status: 'runtime_error' } },
    },
    not_applicable: Object.fromEntries(
      [
        'stdin',
        'arguments',
        'exit_code',
        'unicode',
        'syntax_error',
        'endless_loop',
        'memory_hog',
      ].map((name) => [name, 'a demo']),
    ),
    ...change,
  };
}
