import type { Diagnostic } from '@gozolite/contract/execution';
import type { DiagnosticRule } from '@gozolite/contract/recipe';
import { type Budget, type Groups, matchLine } from './match.js';
import { compilePattern, type Pattern } from './pattern.js';

/** Programs choose their words, so all of this is bounded, by counts and not by time. */
const DIAGNOSTICS_MAX = 100;
const CHARACTERS_MAX = 64 * 1024;
/** A longer line is passed over. */
const LINE_CHARACTERS_MAX = 1000;
/** Less than 20 milliseconds. */
const STEPS_MAX = 500_000;
/** Lines after one in which the next pattern of a rule is looked for. */
const WITHIN_LINES = 8;
/** Where programs run. */
const WORKSPACE = '/work/';

/**
 * What compilers and interpreters said of a program, line by line; at each line the first rule
 * that fits counts.
 * @param texts standard error first; so much of the first characters as is bounded is looked at
 */
export function findDiagnostics(
  rules: readonly DiagnosticRule[],
  texts: readonly string[],
): readonly Diagnostic[] {
  const compiled = rules.map(compileRule);
  const budget = { steps: STEPS_MAX };
  const found: Diagnostic[] = [];
  for (const text of texts) {
    const lines = text.slice(0, CHARACTERS_MAX).split(/\r?\n/);
    for (let at = 0; at < lines.length; at += 1) {
      if (found.length === DIAGNOSTICS_MAX || budget.steps <= 0) return found;
      const match = firstMatch(compiled, lines, at, budget);
      if (!match) continue;
      found.push(match.diagnostic);
      at = match.lastLine;
    }
  }
  return found;
}

interface Rule {
  readonly patterns: readonly Pattern[];
  readonly severity: Diagnostic['severity'];
  readonly columnsFrom: number;
}

function compileRule(rule: DiagnosticRule): Rule {
  const { pattern, next = [], severity = 'error', columns_from: columnsFrom = 1 } = rule;
  return { patterns: [pattern, ...next].map(compilePattern), severity, columnsFrom };
}

interface Match {
  readonly diagnostic: Diagnostic;
  readonly lastLine: number;
}

function firstMatch(
  rules: readonly Rule[],
  lines: readonly string[],
  at: number,
  budget: Budget,
): Match | undefined {
  for (const rule of rules) {
    const { patterns } = rule;
    let line = at;
    let groups: Groups | undefined;
    for (const [index, pattern] of patterns.entries()) {
      const last = index === 0 ? at : line + WITHIN_LINES;
      const next = nextMatch(pattern, lines, { from: index === 0 ? at : line + 1, last }, budget);
      if (!next) {
        groups = undefined;
        break;
      }
      // What an earlier line said stays said.
      groups = { ...next.groups, ...groups };
      line = next.line;
    }
    if (groups) return { diagnostic: diagnosticOf(groups, rule), lastLine: line };
  }
  return undefined;
}

function nextMatch(
  pattern: Pattern,
  lines: readonly string[],
  { from, last }: { readonly from: number; readonly last: number },
  budget: Budget,
): { readonly groups: Groups; readonly line: number } | undefined {
  for (let line = from; line <= Math.min(last, lines.length - 1); line += 1) {
    const text = lines[line] ?? '';
    if (text.length > LINE_CHARACTERS_MAX) continue;
    const groups = matchLine(pattern, text, budget);
    if (groups) return { groups, line };
  }
  return undefined;
}

function diagnosticOf(groups: Groups, { severity, columnsFrom }: Rule): Diagnostic {
  const { file, line, column, caret, message } = groups;
  return {
    severity: groups.severity === undefined ? severity : severityOf(groups.severity.text),
    message: (message?.text ?? '').trim(),
    file: file === undefined ? null : relative(file.text),
    line: numberOf(line?.text),
    column: numberOf(column?.text, columnsFrom) ?? (caret === undefined ? null : caret.at + 1),
  };
}

function severityOf(word: string): Diagnostic['severity'] {
  if (/error|fatal|panic/i.test(word)) return 'error';
  return /warn/i.test(word) ? 'warning' : 'note';
}

/** Of 1 and above, counted from `first`; a number that no file has is none. */
function numberOf(text: string | undefined, first = 1): number | null {
  const number = Number.parseInt(text ?? '', 10) + 1 - first;
  return Number.isSafeInteger(number) && number > 0 ? number : null;
}

/** To the workspace; what lies outside stays absolute. */
function relative(path: string): string {
  const inside = path.startsWith(WORKSPACE) ? path.slice(WORKSPACE.length) : path;
  return inside.replace(/^(\.\/+)+/, '');
}
