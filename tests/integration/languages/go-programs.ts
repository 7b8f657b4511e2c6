import { readFileSync } from 'node:fs';

/**
 * Programs of one file, by what each is about: go build and its own steps must agree on all. They
 * stand in go-programs.txt, each behind a line with its name.
 */
export function goPrograms(): Readonly<Record<string, string>> {
  const text = readFileSync(new URL('go-programs.txt', import.meta.url), 'utf8');
  const [, ...parts] = text.split(/^-- (\w+) --\n/m);
  const names = parts.filter((_, at) => at % 2 === 0);
  const programs = names.map((name, at) => [name, parts[2 * at + 1] ?? '']);
  return {
    ...Object.fromEntries(programs),
    empty: '',
    byte_order_mark: '\ufeffpackage main\nfunc main() { println(1) }\n',
    windows_line_ends: 'package main\r\nfunc main() { println(1) }\r\n',
    no_last_newline: 'package main\nfunc main() { println(1) }',
  };
}
