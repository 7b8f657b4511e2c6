import type { CacheFile, LanguageFile, StageFile } from '../schema.js';
import { diagnosticFaults } from './diagnostics.js';
import type { Fault } from './fault.js';
import { groupsOf } from './groups.js';
import { smokeFaults } from './smokes.js';
import { faultOf, placeholdersOf } from './template.js';

/** What the schema can't say of a language file. Empty where the file is good. */
export function faultsOf(file: LanguageFile): readonly Fault[] {
  const names = Object.keys(file.toolchain.candidates[0] ?? {});
  const stageNames = file.cache ? [...names, 'cache'] : names;
  return [
    ...toolchainFaults(file, names),
    ...(file.cache ? cacheFaults(file.cache, names) : []),
    ...(file.compile ? stageFaults('compile', file.compile, stageNames) : []),
    ...stageFaults('run', file.run, stageNames),
    ...environmentFaults(['env'], file.env ?? {}, names),
    ...packFaults(file),
    ...diagnosticFaults(file),
    ...smokeFaults(file),
  ];
}

function toolchainFaults({ toolchain }: LanguageFile, names: readonly string[]): Fault[] {
  const faults: Fault[] = [];
  toolchain.candidates.forEach((candidate, index) => {
    const path = ['toolchain', 'candidates', index];
    const keys = Object.keys(candidate);
    if (!keys.includes('tool')) faults.push({ path, message: 'one path must be called `tool`' });
    if (keys.sort().join() !== [...names].sort().join()) {
      faults.push({ path, message: 'all candidates must have the same names' });
    }
    for (const [name, place] of Object.entries(candidate)) {
      if (place.startsWith('/usr/')) continue;
      faults.push({ path: [...path, name], message: `${place} is not under /usr` });
    }
  });
  const fixed = (template: string, path: Fault['path']) => {
    const strange = placeholdersOf(template).find(({ name }) => !names.includes(name));
    if (strange) faults.push({ path, message: `unknown placeholder ${strange.whole}` });
  };
  toolchain.requires?.forEach((file, index) => {
    fixed(file, ['toolchain', 'requires', index]);
  });
  toolchain.version.command.forEach((element, index) => {
    fixed(element, ['toolchain', 'version', 'command', index]);
  });
  const patternPath = ['toolchain', 'version', 'pattern'];
  const groups = groupsOf(toolchain.version.pattern);
  if (groups === undefined) faults.push({ path: patternPath, message: 'no regular expression' });
  if (groups === 0) faults.push({ path: patternPath, message: 'needs a group: the version' });
  return faults;
}

function cacheFaults({ command }: CacheFile, names: readonly string[]): Fault[] {
  const known = [...names, 'script'];
  return command.flatMap((element, index) => {
    const strange = placeholdersOf(element).find(({ name }) => !known.includes(name));
    if (strange === undefined) return [];
    const message = `unknown placeholder ${strange.whole}; known are ${known.join(', ')}`;
    return [{ path: ['cache', 'command', index], message }];
  });
}

function stageFaults(name: string, stage: StageFile, paths: readonly string[]): Fault[] {
  const fixed = stage.script === undefined ? paths : [...paths, 'script'];
  const faults: Fault[] = [];
  const [first = ''] = stage.command;
  const isAbsolute = first.startsWith('/') || paths.some((path) => first === `{${path}}`);
  if (!isAbsolute) {
    const names = paths.map((path) => `{${path}}`).join(', ');
    const message = `the program must be absolute or one of ${names}`;
    faults.push({ path: [name, 'command', 0], message });
  }
  stage.command.forEach((element, index) => {
    const message = faultOf(element, fixed);
    if (message) faults.push({ path: [name, 'command', index], message });
  });
  const isOpen = (element: string) =>
    placeholdersOf(element).some((placeholder) => !fixed.includes(placeholder.name));
  const script = stage.command.indexOf('{script}');
  if (stage.script !== undefined && script < 0) {
    faults.push({ path: [name, 'script'], message: 'the command has no element {script}' });
  }
  if (stage.command.slice(0, script + 1).some(isOpen)) {
    const message = '{script} must come before what a request decides';
    faults.push({ path: [name, 'command', script], message });
  }
  return [...faults, ...environmentFaults([name, 'env'], stage.env ?? {}, paths)];
}

function environmentFaults(
  path: Fault['path'],
  env: Readonly<Record<string, string>>,
  paths: readonly string[],
): Fault[] {
  return Object.entries(env).flatMap(([name, value]) => {
    const message = faultOf(value, paths);
    return message ? [{ path: [...path, name], message }] : [];
  });
}

function packFaults({ packages, packs }: LanguageFile): Fault[] {
  if (packages === undefined && packs === undefined) {
    return [{ path: ['packages'], message: 'needs packages or packs' }];
  }
  const versions = packs?.map(({ version }) => version) ?? [];
  return versions.flatMap((version, index) =>
    versions.indexOf(version) === index
      ? []
      : [{ path: ['packs', index, 'version'], message: `${version} stands there twice` }],
  );
}
