import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DataSet } from '@gozolite/contract/data/data-set';
import { SETUP_STEPS, type SetupStep } from '@gozolite/contract/outcome';
import { digestOf, plantData } from '../planted-packs.js';
import { eventually } from '../server-under-test.js';
import { type Launcher, nameOf, newFolder, processesOf, startLauncher } from './launcher.js';
import { talk } from './wire.js';

/** A launcher that stops at a step of the protocol's list (crates/sandboxd/src/faults.rs). */

const STOPPED_MS_MAX = 15_000;
/** Only a program with a network has these, and others wait beside it: one of theirs is killed. */
const OF_NETWORK: readonly SetupStep[] = ['egress', 'hosts'];
export const TARGET = 'nobody.invalid:9';
const DATA = digestOf('iris');
/** The data set that a launcher of these tests has. */
export const IRIS = 'iris';

export interface Stopping {
  readonly launcher: Launcher;
  /** Who stopped goes on when this file is there. */
  readonly resume: string;
}

/** It stops at this step of its first sandbox. */
export async function startStopping(
  program: string,
  step: SetupStep,
  folder = newFolder(),
): Promise<Stopping> {
  const resume = join(folder, 'resume');
  const launcher = await start(program, folder, ['--stop-at', `${step}:${resume}`]);
  return { launcher, resume };
}

/** The same, but that it stops nowhere. */
export const startUnstopped = (program: string, folder: string): Promise<Launcher> =>
  start(program, folder, []);

function start(program: string, folder: string, more: readonly string[]): Promise<Launcher> {
  const packs = join(folder, 'packs');
  plantData(packs, DATA, { 'iris.csv': '5.1,setosa' });
  const word = { name: IRIS, digest: DATA, bytes: 10, files: 1, added_at: '2026-11-21T00:00:00Z' };
  mkdirSync(join(packs, 'data'), { recursive: true });
  writeFileSync(join(packs, 'data', `${IRIS}.json`), JSON.stringify(word), { mode: 0o644 });
  const flags = [...more, '--network-allow', TARGET, '--packs', packs];
  return startLauncher({ program, flags, folder, isReady: listens });
}

/** It may have stopped before it answers anybody. */
const listens = ({ socket }: Launcher): Promise<boolean> =>
  talk(socket).then(
    (each) => each.socket.destroy().destroyed,
    () => false,
  );

/** What a request asks for beside its program, so that this step is one of its sandbox's. */
export function ofStep<T extends object>(
  step: SetupStep,
  caps: T,
): { network?: { allow: readonly string[] } & T; data?: readonly DataSet[] } {
  if (step === 'data') return { data: [{ name: IRIS, digest: DATA }] };
  return OF_NETWORK.includes(step) ? { network: { allow: [TARGET], ...caps } } : {};
}

export function stopped(launcher: Launcher, step: SetupStep): Promise<number> {
  const name = `gozo-stop-${SETUP_STEPS.indexOf(step)}`;
  return eventually(`a process stopped at ${step}`, STOPPED_MS_MAX, () =>
    processesOf(launcher).find((pid) => nameOf(pid) === name),
  );
}

export async function goesOn(pid: number): Promise<void> {
  await eventually(`process ${pid} goes on or is gone`, STOPPED_MS_MAX, () => {
    return !nameOf(pid).startsWith('gozo-stop-') || undefined;
  });
}
