import { CORE_SMOKES } from '@gozolite/languages/smokes/standard';
import { hasPassed, type LanguageFinding } from './run-smokes.js';
import type { SmokeFinding } from './smoke-finding.js';

const DIGEST_SHOWN = 12;
const HEAD = `# Conformance

Written by \`gozo check-language --markdown\`; not edited by hand. Every language's programs ran in
sandboxes of this version, and their outputs were compared byte by byte. Columns: \`pack\`, the
digest of the read-only tree that was all that the programs saw of a toolchain (a host's toolchain
has none); \`passed\`, of the programs of the language's file; \`not\`, those that ended otherwise
than they must; \`excused\`, the standard programs that the file says can't be had, with its reason;
\`tree\`, \`own\` and \`built\`: the pack's size, what of it was not on the disk before its build
(of one built again: what is new in it), and how long the build took beside that of another.`;

/** A page for people: what ran, from which tree, and how it ended. */
export function markdownOf(version: string, findings: readonly LanguageFinding[]): string {
  const programs = findings.flatMap(({ smokes }) => smokes);
  const passed = findings.filter(hasPassed).length;
  return [
    HEAD,
    '',
    `GozoLite ${version}: **${passed} of ${findings.length}** rows passed, **` +
      `${programs.filter(isGood).length} of ${programs.length}** programs. ${distinctOf(findings)}`,
    '',
    '| language | version | pack | passed | not | excused | tree, MB | own, MB | built, s |',
    '|---|---|---|---:|---|---|---:|---:|---:|',
    ...findings.map(rowOf),
    '',
    ...reasonsOf(findings),
  ].join('\n');
}

function isGood({ differences }: SmokeFinding): boolean {
  return differences.length === 0;
}

/** Two files that run the same binary count once, and a tool is no language. */
function distinctOf(findings: readonly LanguageFinding[]): string {
  const files = findings.filter(hasPassed).flatMap(({ target: { file } }) => file ?? []);
  const counted = files.filter(({ tool, same_as }) => tool !== true && same_as === undefined);
  const languages = new Set(counted.map(({ id }) => id)).size;
  const tools = new Set(files.filter(({ tool }) => tool === true).map(({ id }) => id)).size;
  return `These are ${languages} languages that count, and ${tools} tools.`;
}

function rowOf(finding: LanguageFinding): string {
  const { target, edition, missing, smokes } = finding;
  const pack = edition?.pack;
  const failed = smokes.filter((smoke) => !isGood(smoke)).map(({ name }) => name);
  const state = stateOf(finding);
  const excused = Object.keys(target.file?.not_applicable ?? {}).filter((name) =>
    CORE_SMOKES.some((standard) => standard === name),
  );
  const cells = [
    edition?.reference ?? target.path,
    missing === undefined ? (edition?.version ?? '') : '',
    pack === undefined ? '' : `\`${pack.digest.slice(0, DIGEST_SHOWN)}\``,
    state === undefined ? `${smokes.length - failed.length}/${smokes.length}` : state,
    failed.join(', '),
    excused.join(', '),
    pack === undefined ? '' : megabytes(pack.bytes),
    pack?.build === undefined ? '' : megabytes(pack.build.new_bytes),
    pack?.build === undefined ? '' : (pack.build.ms / 1000).toFixed(1),
  ];
  return `| ${cells.join(' | ')} |`;
}

function stateOf({ edition, missing }: LanguageFinding): string | undefined {
  if (edition === undefined) return 'wrong file';
  return missing === undefined ? undefined : 'no toolchain';
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
}

/** In words what differed, and why a toolchain is not there. */
function reasonsOf(findings: readonly LanguageFinding[]): readonly string[] {
  const reasons = findings.flatMap(({ target, edition, missing, smokes }) => {
    const name = edition?.reference ?? target.path;
    return [
      ...target.problems.map(({ message }) => `- ${name}: ${oneLine(message)}`),
      ...(missing === undefined ? [] : [`- ${name}: ${oneLine(missing)}`]),
      ...smokes.flatMap((smoke) =>
        smoke.differences.map((each) => `- ${name}, ${smoke.name}: ${oneLine(each)}`),
      ),
    ];
  });
  return reasons.length === 0 ? [] : ['## What did not pass', '', ...reasons, ''];
}

const WORDS_MAX = 300;

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').replaceAll(/[|<>`*_]/g, (mark) => `\\${mark}`);
  return line.length <= WORDS_MAX ? line : `${line.slice(0, WORDS_MAX)} …`;
}
