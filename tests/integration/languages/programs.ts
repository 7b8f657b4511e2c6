import { readFileSync } from 'node:fs';

/**
 * Programs of one file, by what each is about: go build and its own steps, and gcc and what it
 * runs, must agree on all. They stand in text files, each behind a line with its name.
 */
export function goPrograms(): Readonly<Record<string, string>> {
  return {
    ...programsOf('go-programs.txt'),
    empty: '',
    byte_order_mark: '\ufeffpackage main\nfunc main() { println(1) }\n',
    windows_line_ends: 'package main\r\nfunc main() { println(1) }\r\n',
    no_last_newline: 'package main\nfunc main() { println(1) }',
  };
}

/** What is compiled, warned of, or refused at each step: compiler, assembler, linker. */
export function cPrograms(): Readonly<Record<string, string>> {
  return { ...programsOf('c-programs.txt'), empty: '\n', no_last_newline: 'int main(void) {}' };
}

function programsOf(file: string): Readonly<Record<string, string>> {
  const text = readFileSync(new URL(file, import.meta.url), 'utf8');
  const [, ...parts] = text.split(/^-- (\w+) --\n/m);
  const names = parts.filter((_, at) => at % 2 === 0);
  return Object.fromEntries(names.map((name, at) => [name, parts[2 * at + 1] ?? '']));
}
