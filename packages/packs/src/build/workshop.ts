import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { requireSpace } from '../disk.js';
import { type Apt, openApt } from './apt.js';
import { ensureBase, ensureTools } from './base.js';
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
  readonly apt: Apt;
  /** A root that is copied, never changed. */
  readonly base: string;
  /** One download at a time: they share a folder. */
  readonly downloading: <T>(work: () => Promise<T>) => Promise<T>;
  /** A root with a tool of the build's own, made when the first asks for it. */
  readonly tools: (name: ToolName) => Promise<string>;
}

export async function openWorkshop(
  context: BuildContext,
  onStep: (words: string) => void,
): Promise<Workshop> {
  requireSpace(context.folders.root, BASE_BYTES);
  onStep('reading lists of packages');
  const apt = await openApt(context);
  await apt.update();
  const base = await ensureBase(context, apt, onStep);
  const downloading = oneAtATime();
  const made = new Map<ToolName, Promise<string>>();
  return {
    context,
    apt,
    base,
    downloading,
    tools: (name) => {
      const root =
        made.get(name) ??
        downloading(() => {
          onStep(`preparing ${name}`);
          return ensureTools(context, { apt, base }, name, TOOLS[name]);
        });
      made.set(name, root);
      return root;
    },
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
