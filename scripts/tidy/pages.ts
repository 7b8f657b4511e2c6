import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FAILURES, LAYERS, REQUEST_BOUNDS, STATUSES } from '@gozolite/contract/execution';
import { LIMIT_FLOORS, LIMIT_NAMES, limitPolicyFor } from '@gozolite/contract/limits';
import { SETUP_STEPS } from '@gozolite/contract/outcome';
import { PROBLEMS } from '@gozolite/contract/refusal';
import type { Finding, Source } from './sources.js';

const DEPENDENCIES = 'docs/dependencies.md';
const ERRORS = 'docs/reference/errors.md';
const LIMITS = 'docs/reference/limits.md';
const STEPS_RS = 'crates/sandboxd/src/protocol/steps.rs';

/** Every runtime dependency has a row that argues for it, and every row a dependency. */
export function checkDependencies(root: string): readonly Finding[] {
  const wanted = new Set([...npmDependencies(root), ...crateDependencies(root)]);
  const rows = tableRows(root, DEPENDENCIES);
  const argued = new Map(rows.map((cells) => [unquoted(cells[0]), cells.at(-1) ?? '']));
  const say = (message: string) => finding(DEPENDENCIES, message);
  return [
    ...[...wanted].filter((name) => !argued.get(name)).map((name) => say(`no reason for ${name}`)),
    ...[...argued.keys()]
      .filter((name) => !wanted.has(name))
      .map((name) => say(`${name} is no runtime dependency`)),
  ];
}

function npmDependencies(root: string): readonly string[] {
  return readdirSync(join(root, 'packages')).flatMap((name) => {
    const path = join(root, 'packages', name, 'package.json');
    if (!existsSync(path)) return [];
    const manifest = JSON.parse(readFileSync(path, 'utf8'));
    const names = Object.keys(manifest.dependencies ?? {});
    return names.filter((each) => !each.startsWith('@gozolite/'));
  });
}

function crateDependencies(root: string): readonly string[] {
  const folder = join(root, 'crates');
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name, 'Cargo.toml');
    if (!existsSync(path)) return [];
    const text = readFileSync(path, 'utf8');
    const section = /^\[dependencies\]\n([\s\S]*?)(?=^\[|(?![\s\S]))/m.exec(text)?.[1] ?? '';
    return [...section.matchAll(/^([\w-]+)\s*=/gm)].map((match) => match[1] ?? '');
  });
}

/** Status, failure and problem codes: each a row with its HTTP status, no row without a code. */
export function checkErrors(root: string): readonly Finding[] {
  const wanted = new Set([
    ...STATUSES.map((status) => `${status}`),
    ...Object.entries(FAILURES).map(([code, http]) => `${code} ${http}`),
    ...Object.entries(PROBLEMS).map(([code, http]) => `${code} ${http}`),
  ]);
  const rows = new Set(
    tableRows(root, ERRORS).map(([code, second]) => {
      const http = /^\d{3}$/.test(second ?? '') ? ` ${second}` : '';
      return `${unquoted(code)}${http}`;
    }),
  );
  return differences(wanted, rows).map((message) => finding(ERRORS, message));
}

/** Limits as on a machine with 16 GiB, where no ceiling is cut to half of the memory. */
const BIG_MACHINE_KB = 16 * 1024 * 1024;
/** Stands for "as many as the machine has" in the page. */
const CORES = 64;

export function checkLimits(root: string): readonly Finding[] {
  const { run, compile } = limitPolicyFor(CORES, BIG_MACHINE_KB);
  const columns = [LIMIT_FLOORS, run.defaults, run.ceilings, compile.defaults, compile.ceilings];
  const wanted = new Set([
    ...LIMIT_NAMES.map((name) => [name, ...columns.map((column) => column[name])].join(' ')),
    ...Object.entries(REQUEST_BOUNDS).map(([name, value]) => `${name} ${value}`),
  ]);
  const rows = new Set(
    tableRows(root, LIMITS).map((cells) => {
      const [name = '', ...values] = cells.slice(0, cells.length - 1);
      return [unquoted(name), ...values.map(number)].join(' ');
    }),
  );
  return differences(wanted, rows).map((message) => finding(LIMITS, message));
}

/** `1,024` → 1024; the page's word `cores` → CORES. */
function number(cell: string): number {
  return cell === 'cores' ? CORES : Number(cell.replaceAll(',', ''));
}

/** The launcher's steps and the contract's are one list; every layer is a word of the launcher. */
export function checkLauncherLists(root: string, sources: readonly Source[]): readonly Finding[] {
  const steps = readFileSync(join(root, STEPS_RS), 'utf8');
  const names = [...steps.matchAll(/^\s+\w+ = "([a-z0-9-]+)",?$/gm)].map((match) => match[1]);
  const rust = sources.filter(({ path }) => path.startsWith('crates/sandboxd/src/'));
  return [
    ...(names.join() === SETUP_STEPS.join()
      ? []
      : [finding(STEPS_RS, `differs from SETUP_STEPS: ${names.join()} / ${SETUP_STEPS.join()}`)]),
    ...LAYERS.filter((layer) => !rust.some(({ text }) => text.includes(`"${layer}"`))).map(
      (layer) => finding('crates/sandboxd/src', `no source names the layer "${layer}"`),
    ),
  ];
}

function differences(wanted: ReadonlySet<string>, found: ReadonlySet<string>): readonly string[] {
  return [
    ...[...wanted].filter((row) => !found.has(row)).map((row) => `lacks the row: ${row}`),
    ...[...found].filter((row) => !wanted.has(row)).map((row) => `the contract has no: ${row}`),
  ];
}

/** Cells of all table rows of a page whose first cell is code, as `name`. */
function tableRows(root: string, path: string): readonly (readonly string[])[] {
  return readFileSync(join(root, path), 'utf8')
    .split('\n')
    .filter((line, at, all) => line.startsWith('| `') && !all[at + 1]?.startsWith('|---'))
    .map((line) =>
      line
        .replace(/^\||\|$/g, '')
        .split('|')
        .map((cell) => cell.trim()),
    );
}

function unquoted(cell: string | undefined): string {
  return (cell ?? '').replaceAll('`', '');
}

function finding(path: string, message: string): Finding {
  return { check: 'pages', path, line: 0, message };
}
