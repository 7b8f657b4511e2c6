import type { Diagnostic } from '@gozolite/contract/execution';
import type { DiagnosticRule, Recipe } from '@gozolite/contract/recipe';
import { findDiagnostics } from '@gozolite/languages/diagnostics/find';
import type { SandboxResult } from '@gozolite/sandbox/backend';

/** More than is looked at of any text. */
const BYTES_MAX = 256 * 1024;

export interface Stages {
  readonly compile: SandboxResult | undefined;
  /** Where it failed. */
  readonly run: SandboxResult | undefined;
}

/**
 * What was said of the program: by the compiler, also where it let the program run; where the
 * language has none, by the interpreter, on the standard error of a run that failed.
 */
export function diagnosticsOf(
  { compile, diagnostics: rules = [] }: Recipe,
  stages: Stages,
): readonly Diagnostic[] {
  if (rules.length === 0) return [];
  if (compile === undefined) return stages.run ? find(rules, [stages.run.stderr]) : [];
  return stages.compile ? find(rules, [stages.compile.stderr, stages.compile.stdout]) : [];
}

function find(
  rules: readonly DiagnosticRule[],
  words: readonly Uint8Array[],
): readonly Diagnostic[] {
  const texts = words.map((bytes) => Buffer.from(bytes.subarray(0, BYTES_MAX)).toString('utf8'));
  return findDiagnostics(rules, texts);
}
