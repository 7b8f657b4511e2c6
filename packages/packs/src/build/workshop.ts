import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { requireSpace } from '../disk.js';
import { openApt } from './apt.js';
import { ensureBase, ensureTools, type Grounds } from './base.js';
import { CARGO_PACKAGES } from './registries/commands.js';
import { MAVEN_PACKAGES } from './registries/maven.js';
import { PIP_PACKAGES } from './registries/pypi.js';
import type { BuildContext } from './root.js';

const TOOLS = { pip: PIP_PACKAGES, maven: MAVEN_PACKAGES, cargo: CARGO_PACKAGES };
export type ToolName = keyof typeof TOOLS;

/** Lists of packages, and the base system with what it is unpacked from. */
const BASE_BYTES = 160 << 20;

/** What the builds of one call have in common. */
export interface Workshop {
  readonly context: BuildContext;
  /** Made when the first asks for it; null: the host's own suite of Debian. */
  readonly suiteOf: (name: string | null) => Promise<Suite>;
  /** One download at a time: they share a folder. */
  readonly downloading: <T>(work: () => Promise<T>) => Promise<T>;
}

/** What the builds of one suite have in common. */
export interface Suite extends Grounds {
  /** A root with a tool of the build's own, made when the first asks for it. */
  readonly tools: (name: ToolName) => Promise<string>;
}

/** @param suites that will be asked for; the host's own is made at once, if it is among them */
export async function openWorkshop(
  context: BuildContext,
  suites: readonly (string | null)[],
  onStep: (words: string) => void,
): Promise<Workshop> {
  requireSpace(context.folders.root, BASE_BYTES);
  const downloading = oneAtATime();
  const open = once((name: string | null) =>
    downloading(() => openSuite({ context, downloading, onStep }, name)),
  );
  if (suites.includes(null)) await open(null);
  return { context, downloading, suiteOf: open };
}

interface Opening extends Pick<Workshop, 'context' | 'downloading'> {
  readonly onStep: (words: string) => void;
}

async function openSuite(
  { context, downloading, onStep }: Opening,
  suite: string | null,
): Promise<Suite> {
  onStep(`reading lists of packages${suite === null ? '' : ` of ${suite}`}`);
  const apt = await openApt(context, suite);
  await apt.update();
  const grounds = { apt, suite, base: await ensureBase(context, { apt, suite }, onStep) };
  const tools = once((name: ToolName) =>
    downloading(() => {
      onStep(`preparing ${name}`);
      return ensureTools(context, grounds, name, TOOLS[name]);
    }),
  );
  return { ...grounds, tools };
}

/** Makes each thing when it is asked for first. */
function once<K, T>(make: (key: K) => Promise<T>): (key: K) => Promise<T> {
  const made = new Map<K, Promise<T>>();
  return (key) => {
    const making = made.get(key) ?? make(key);
    made.set(key, making);
    return making;
  };
}

function oneAtATime(): Workshop['downloading'] {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work, work);
    last = mine.catch(() => {});
    return mine;
  };
}

export function isOnPath(program: string, path: string): boolean {
  return path.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
