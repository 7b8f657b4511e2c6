import { basename } from 'node:path';
import { describeProblem } from '@gozolite/languages/parse';
import { CORE_SMOKES } from '@gozolite/languages/smokes/standard';
import type { InstalledPack } from '@gozolite/packs/installed';
import colors from 'picocolors';
import { hasPassed, type LanguageFinding } from './run-smokes.js';
import type { SmokeFinding } from './smoke-finding.js';

const MARKS = {
  passed: colors.green('✓'),
  failed: colors.red('✗'),
  excused: '–',
  absent: '·',
} as const;

/** One row a language, one column a standard smoke program; what differed stands below. */
export function tableOf(findings: readonly LanguageFinding[]): readonly string[] {
  const letters = CORE_SMOKES.map((_, at) => String.fromCharCode(97 + at));
  const width = Math.max(8, ...findings.map((finding) => titleOf(finding).length));
  const versions = Math.max(7, ...findings.map(({ edition }) => (edition?.version ?? '').length));
  const head = ['LANGUAGE'.padEnd(width), 'VERSION'.padEnd(versions), letters.join(' '), 'OWN'];
  return [
    ...legend(letters),
    '',
    head.join('  '),
    ...findings.map((finding) =>
      [
        titleOf(finding).padEnd(width),
        (finding.edition?.version ?? '').padEnd(versions),
        cellsOf(finding),
      ].join('  '),
    ),
    ...findings.flatMap(detailsOf),
    '',
    summaryOf(findings),
  ];
}

function legend(letters: readonly string[]): readonly string[] {
  const words = CORE_SMOKES.map((name, at) => `${letters[at]} ${name}`.padEnd(17));
  const rows = Array.from({ length: Math.ceil(words.length / 4) }, (_, row) =>
    words.slice(row * 4, row * 4 + 4).join(' '),
  );
  const marks = `${MARKS.passed} as expected  ${MARKS.failed} not  ${MARKS.excused} can't be had`;
  return [...rows.map((row) => row.trimEnd()), `${marks}  ${MARKS.absent} not in the file`];
}

function titleOf({ target: { path }, edition }: LanguageFinding): string {
  return edition?.reference ?? path;
}

function cellsOf({ edition, missing, smokes }: LanguageFinding): string {
  if (edition === undefined) return colors.red('the file is wrong');
  if (missing !== undefined) return colors.red('its toolchain is missing');
  const excused = edition.file.not_applicable ?? {};
  const cells = CORE_SMOKES.map((name) => {
    const smoke = smokes.find((each) => each.name === name);
    if (smoke === undefined) return name in excused ? MARKS.excused : MARKS.absent;
    return passed(smoke) ? MARKS.passed : MARKS.failed;
  });
  const own = smokes.filter(({ name }) => !CORE_SMOKES.some((standard) => standard === name));
  return `${cells.join(' ')}  ${own.filter(passed).length}/${own.length}`;
}

function passed({ differences }: SmokeFinding): boolean {
  return differences.length === 0;
}

function detailsOf(finding: LanguageFinding): readonly string[] {
  if (hasPassed(finding)) return [];
  const { target, missing, smokes } = finding;
  const problems = target.problems.map((problem) => `  ${describeProblem(problem)}`);
  const remedy = missing === undefined ? [] : [`  ${missing}`];
  const differences = smokes.flatMap((smoke) =>
    smoke.differences.map((difference) => `  ${smoke.name}: ${difference}`),
  );
  return ['', titleOf(finding), ...problems, ...remedy, ...differences];
}

function summaryOf(findings: readonly LanguageFinding[]): string {
  const good = findings.filter(hasPassed).length;
  const all = findings.flatMap(({ smokes }) => smokes);
  const programs = `${all.filter(passed).length} of ${all.length} programs as expected`;
  const words = `${good} of ${findings.length} languages passed, ${programs}`;
  return good === findings.length ? colors.green(words) : colors.red(words);
}

function packOf({ name, digest, bytes, files, build }: InstalledPack) {
  return { name, digest, bytes, files, ...(build && { build }) };
}

/** The same for programs: versions, digests, every smoke program. */
export function jsonOf(version: string, findings: readonly LanguageFinding[]): string {
  const languages = findings.map((finding) => {
    const { target, edition, missing, smokes } = finding;
    return {
      // The same wherever it is installed.
      path: target.isNamedFile ? target.path : `languages/${basename(target.path)}`,
      sha256: target.sha256,
      id: target.file?.id ?? null,
      name: target.file?.name ?? null,
      depth: target.file?.depth ?? (target.file ? 'wide' : null),
      tool: target.file?.tool ?? false,
      same_as: target.file?.same_as ?? null,
      passed: hasPassed(finding),
      problems: target.problems.map(({ line, message }) => ({ line, message })),
      available: edition !== undefined && missing === undefined,
      ...(missing !== undefined && { reason: edition?.reason, message: missing }),
      version: edition?.version ?? null,
      toolchain: edition?.toolchain ?? null,
      ...(edition?.pack && { pack: packOf(edition.pack) }),
      smokes: smokes.map(({ name, differences, status, totalMs }) => ({
        name,
        passed: differences.length === 0,
        status,
        total_ms: totalMs,
        differences,
      })),
      not_applicable: target.file?.not_applicable ?? {},
    };
  });
  const passed = findings.filter(hasPassed).length;
  const report = { version, languages, passed, failed: findings.length - passed };
  return `${JSON.stringify(report, null, 2)}\n`;
}
