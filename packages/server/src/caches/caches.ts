import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { LimitPolicy } from '@gozolite/contract/limits';
import {
  type CacheOf,
  type CacheSource,
  cacheCommand,
  cacheFiles,
} from '@gozolite/languages/offers/cache';
import { canonicalJson, HOST, probeEnv } from '@gozolite/languages/recipe';
import type { Backend } from '@gozolite/sandbox/backend';
import type { Logger } from '@gozolite/telemetry/logger';
import { identityOf } from '../probing/probe-cache.js';
import { type Made, makeCache } from './make.js';

/** Where sandboxes have the folder; crates/sandboxd/src/confine/caches.rs has it too. */
const PLACE = '/var/cache/gozolite';
const DRAFT = '.new-';
const KEY_LETTERS = 16;

/**
 * Once for each toolchain of the host, what it would else make anew for each program: a compiled
 * standard library, precompiled headers (ADR 0101).
 */
export interface Caches extends AsyncDisposable {
  /** Where a cache lies in sandboxes: from one moment on whole, and not at all before. */
  readonly of: CacheOf;
  /** Makes what was asked for and is not there, one by one, and resolves when all was tried. */
  makeMissing(): Promise<void>;
}

export interface CachesDeps {
  /** The one that the launcher was told (`--caches`). */
  readonly folder: string;
  readonly backend: Backend;
  readonly policy: LimitPolicy;
  readonly log: Logger;
}

interface Wanted {
  readonly command: readonly string[];
  readonly source: CacheSource;
}

export function createCaches({ folder, backend, policy, log }: CachesDeps): Caches {
  const wanted = new Map<string, Wanted>();
  /** Until the next start: a minute of CPU is not to be spent in vain again and again. */
  const failed = new Set<string>();
  const end = new AbortController();
  let making: Promise<void> = Promise.resolve();
  const isMissing = (name: string) => !failed.has(name) && !isFolder(join(folder, name));

  const make = async (name: string, { command, source }: Wanted): Promise<void> => {
    const { language, toolchain } = source;
    const about = { language: language.id, version: toolchain.version };
    const began = performance.now();
    const draft = join(folder, `${DRAFT}${name}`);
    let made: Made;
    try {
      mkdirSync(draft, { mode: 0o755 });
      const env = probeEnv(language.env ?? {}, toolchain.paths);
      const recipe = { rootfs: HOST.rootfs, command, env };
      made = await makeCache({ backend, policy, signal: end.signal }, { recipe, folder: draft });
      if (made.kind === 'made') renameSync(draft, join(folder, name));
    } catch (error) {
      made = { kind: 'failed', reason: error instanceof Error ? error.message : String(error) };
    }
    rmSync(draft, { recursive: true, force: true });
    const wallMs = Math.round(performance.now() - began);
    if (made.kind === 'made') log.info({ ...about, wallMs }, 'cache of a toolchain made');
    if (made.kind !== 'failed') return;
    failed.add(name);
    const { reason } = made;
    log.warn({ ...about, reason, wallMs }, 'no cache of a toolchain: its programs start slower');
  };

  const remove = (name: string): void => {
    const file = join(folder, name);
    try {
      rmSync(file, { recursive: true, force: true });
    } catch (error) {
      log.warn({ error, file }, 'an old cache of a toolchain could not be removed');
    }
  };

  const makeAll = async (): Promise<void> => {
    if (wanted.size === 0) return;
    if (!isFolder(folder)) return log.warn({ file: folder }, 'no folder for caches of toolchains');
    for (const name of staleIn(folder, wanted)) remove(name);
    for (const [name, one] of wanted) {
      if (isMissing(name) && !end.signal.aborted) await make(name, one);
    }
  };

  return {
    of: (cache, source) => {
      const command = cacheCommand(cache, source);
      const name = `${source.language.id}-${keyOf(command, source)}`;
      wanted.set(name, { command, source });
      return join(PLACE, name);
    },
    makeMissing: () => {
      making = making.then(makeAll).catch((error: unknown) => {
        log.error({ error }, 'caches of toolchains could not be made');
      });
      return making;
    },
    [Symbol.asyncDispose]: async () => {
      end.abort();
      await making;
    },
  };
}

/** Of what decides what is made and how it is used, and of the toolchain's own files. */
function keyOf(command: readonly string[], source: CacheSource): string {
  const { version } = source.toolchain;
  const { env = {}, compile } = source.language;
  const uses = { env, compile: compile?.command ?? [] };
  const content = { command, version, ...uses, files: identityOf(cacheFiles(source)) };
  return createHash('sha256').update(canonicalJson(content)).digest('hex').slice(0, KEY_LETTERS);
}

/** Drafts, and what was made of a toolchain that is another one now. */
function staleIn(folder: string, wanted: ReadonlyMap<string, Wanted>): readonly string[] {
  const ids = new Set([...wanted.values()].map(({ source }) => source.language.id));
  const isOld = (name: string) => ids.has(name.slice(0, name.lastIndexOf('-')));
  return readdirSync(folder).filter(
    (name) => name.startsWith(DRAFT) || (isOld(name) && !wanted.has(name)),
  );
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
