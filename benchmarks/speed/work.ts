import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Limits } from '@gozolite/contract/limits';
import { limitPolicyFor } from '@gozolite/contract/limits';
import type { Recipe } from '@gozolite/contract/recipe';
import { detect } from '@gozolite/languages/detect';
import { expandArgs } from '@gozolite/languages/expand';
import { loadLanguages } from '@gozolite/languages/load';
import { HOST, recipeOf } from '@gozolite/languages/recipe';
import type { LanguageFile } from '@gozolite/languages/schema';
import { inPack } from './pack.js';

/** A program that nobody has seen before, and what it prints. */
export interface Program {
  readonly code: string;
  readonly answer: string;
}

/** One thing to do, and how each subject does it. */
export interface Work {
  /** As a request names it. */
  readonly language: string;
  readonly source: string;
  /** The toolchain's own argument vectors, one of each stage, with absolute programs. */
  readonly stages: readonly (readonly string[])[];
  readonly env: Readonly<Record<string, string>>;
  /** Of the pack that has the toolchain; undefined: the host has it. */
  readonly tree?: string;
  program(): Program;
}

/** `NONCE` is another number each time, which the program prints. */
const SOURCES: Readonly<Record<string, string>> = {
  bash: 'echo NONCE',
  perl: 'print "NONCE\\n";',
  lua: 'print("NONCE")',
  python: 'print(NONCE)',
  'python+data': 'import numpy\nimport pandas\nprint(NONCE)',
  php: '<?php echo NONCE, "\\n";',
  javascript: 'console.log(NONCE)',
  ruby: 'puts NONCE',
  r: 'cat("NONCE\\n")',
  c: '#include <stdio.h>\nint main(void) { puts("NONCE"); return 0; }',
  cpp: '#include <bits/stdc++.h>\nint main() { std::cout << "NONCE\\n"; }',
  rust: 'fn main() { println!("NONCE"); }',
  go: 'package main\nimport "fmt"\nfunc main() { fmt.Println("NONCE") }',
  java:
    'public class Main { public static void main(String[] a) ' +
    '{ System.out.println("NONCE"); } }',
  typescript: 'const n: number = NONCE;\nconsole.log(n);',
  kotlin: 'fun main() { println("NONCE") }',
  groovy: 'println "NONCE"',
  clojure: '(println "NONCE")',
  scala: '@main def main(): Unit = println("NONCE")',
  octave: 'printf("NONCE\\n")',
  sqlite: "select 'NONCE';",
};

/** What is measured where nothing else is named. */
export const USUAL = 'bash,perl,lua,python,php,javascript,ruby,c,cpp,rust,go,java,typescript';

const LIMITS: Limits = limitPolicyFor(1, 16 * 1024 * 1024).run.defaults;

/**
 * @param names of languages, whose toolchains the host has; or of packs, below GOZO_PACKS, where it
 *   has none and for a variant: `python+data`
 * @throws where one of them is not known here, or has no toolchain
 */
export async function worksOf(names: readonly string[]): Promise<readonly Work[]> {
  const { languages } = await loadLanguages(['languages']);
  const works: Work[] = [];
  for (const name of names) {
    const file = languages.find((each) => each.file.id === name.split(/[@+]/)[0])?.file;
    const template = SOURCES[name];
    if (file === undefined || template === undefined) throw new Error(`no program for ${name}`);
    const found = name === file.id ? await onHost(file) : undefined;
    const { recipe, tree } = found ?? (await inPack(file, name));
    const input = { entry: recipe.source, files: [recipe.source], args: [], limits: LIMITS };
    const parts = [recipe.compile, recipe.run].flatMap((stage) =>
      stage === undefined ? [] : [{ stage, filled: expandArgs(stage, input) }],
    );
    works.push({
      language: name,
      source: recipe.source,
      stages: parts.map(({ stage, filled }) => [...stage.launch.command, ...filled.args]),
      env: Object.assign(
        {},
        ...parts.map(({ stage, filled }) => ({ ...stage.launch.env, ...filled.env })),
      ),
      ...(tree === undefined ? {} : { tree }),
      program: () => fresh(template),
    });
  }
  return works;
}

interface Found {
  readonly recipe: Recipe;
  readonly tree?: string;
}

async function onHost(file: LanguageFile): Promise<Found | undefined> {
  const host = { probe: askHost, exists: existsSync, rootfs: HOST.rootfs };
  const detection = await detect(file, host);
  const [toolchain] = detection.kind === 'found' ? detection.toolchains : [];
  return toolchain && { recipe: recipeOf(file, toolchain, HOST) };
}

let last = Date.now();

function fresh(template: string): Program {
  last += 1;
  return { code: `${template.replaceAll('NONCE', `${last}`)}\n`, answer: `${last}\n` };
}

async function askHost(argv: readonly string[], env: Readonly<Record<string, string>>) {
  const [program = '', ...args] = argv;
  const run = spawnSync(program, args, {
    env: { ...env, PATH: process.env.PATH },
    encoding: 'utf8',
  });
  return { exitCode: run.status ?? 128, stdout: run.stdout ?? '', stderr: run.stderr ?? '' };
}
