import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { dirname } from 'node:path';
import type { Recipe } from '@gozolite/contract/recipe';
import type { Claim, Proof } from '@gozolite/languages/offers/offer';
import { canonicalJson } from '@gozolite/languages/recipe';
import type { Logger } from '@gozolite/telemetry/logger';
import { identityOf } from '../probing/probe-cache.js';
import { createLine } from './line.js';
import { type Took, tookIn } from './took.js';

/** Programs tried at once: what is asked of the server meanwhile goes before them. */
const PROOFS_MAX = 2;
/** Of those that passed, so many are remembered between starts: the newest. */
const PASSED_MAX = 2000;

/** How a first program ended; undefined where nothing could be run at all. */
export type Attempt =
  | { readonly passed: true; readonly took: Took }
  | { readonly passed: false; readonly why: string };

export interface ProverDeps {
  readonly attempt: (claim: Claim) => Promise<Attempt | undefined>;
  /** Remembers what passed, between starts. */
  readonly file: string;
  readonly log: Logger;
}

/** Knows of each toolchain whether its first program does what it must, on this host. */
export interface Prover {
  readonly proofOf: (claim: Claim) => Proof;
  /** What the first program took, where it has passed. */
  readonly tookOf: (recipe: Recipe) => Took | undefined;
  /**
   * Tries what has not passed yet, or has changed since; what passed before is not tried again.
   * What comes last is tried first: somebody has just put it there.
   * @returns when all of these are known, or could not be tried
   */
  prove(claims: readonly Claim[]): Promise<void>;
}

export function createProver({ attempt, file, log }: ProverDeps): Prover {
  const passed = new Map(readPassed(file));
  const took = new Map<string, Took>();
  const failed = new Map<string, string>();
  /** Of the claim as it was looked at last: the files of the host may change under it. */
  const keys = new WeakMap<Claim, string>();
  const keyOf = (claim: Claim): string => {
    const key = keys.get(claim) ?? fingerprint(claim);
    keys.set(claim, key);
    return key;
  };
  const tryOne = async (claim: Claim, key: string): Promise<void> => {
    const ended = await attempt(claim);
    if (ended === undefined) return;
    const { language, recipe } = claim;
    if (ended.passed) {
      failed.delete(key);
      passed.set(key, ended.took);
      took.set(nameOf(recipe), ended.took);
      return;
    }
    failed.set(key, ended.why);
    const about = { language, version: recipe.version, reason: ended.why };
    log.warn(about, 'the first program of a language failed: it is not advertised');
  };
  const line = createLine(async ({ claim, key }: Waiting) => {
    if (passed.has(key)) return;
    try {
      await tryOne(claim, key);
    } catch (error) {
      log.error({ error, language: claim.language }, 'a first program could not be tried');
    }
  }, PROOFS_MAX);
  return {
    prove: async (claims) => {
      for (const claim of claims) {
        const key = fingerprint(claim);
        keys.set(claim, key);
        const known = passed.get(key);
        if (known !== undefined) took.set(nameOf(claim.recipe), known);
      }
      const waiting = claims
        .filter(({ hello }) => hello !== undefined)
        .map((claim) => ({ claim, key: keyOf(claim) }))
        .filter(({ key }) => !passed.has(key));
      if (waiting.length === 0) return;
      await line.put(waiting);
      save(file, [...passed], log);
      log.info({ count: waiting.length }, 'first programs tried');
    },
    tookOf: (recipe) => took.get(nameOf(recipe)),
    proofOf: (claim) => {
      if (claim.hello === undefined) return { kind: 'passed' };
      const key = keyOf(claim);
      if (passed.has(key)) return { kind: 'passed' };
      const reason = failed.get(key);
      return reason === undefined ? { kind: 'pending' } : { kind: 'failed', reason };
    },
  };
}

interface Waiting {
  readonly claim: Claim;
  readonly key: string;
}

/** Of what decides how it ends: recipe, program and expectation, the toolchain and the kernel. */
function fingerprint({ language, recipe, hello, files }: Claim): string {
  const { run, compile, version, source } = recipe;
  const content = { language, version, source, run, compile: compile ?? null, hello };
  const host = { files: identityOf(files), kernel: release() };
  // Through JSON, which drops what is undefined.
  const plain: unknown = JSON.parse(JSON.stringify({ ...content, ...host }));
  return createHash('sha256').update(canonicalJson(plain)).digest('hex').slice(0, 32);
}

/** Two languages may run their programs alike; what they take is their own. */
function nameOf({ language, version, run, compile }: Recipe): string {
  return JSON.stringify([language, version, run.launch.digest, compile?.launch.digest]);
}

/** A file that is absent or not ours is an empty memory. */
function readPassed(file: string): readonly (readonly [string, Took])[] {
  try {
    const read: unknown = JSON.parse(readFileSync(file, 'utf8'));
    const entries = Object.entries(Object(read)).flatMap(([key, value]) => {
      const known = tookIn(value);
      return known === undefined ? [] : [[key, known] as const];
    });
    return entries.slice(-PASSED_MAX);
  } catch {
    return [];
  }
}

function save(file: string, passed: readonly (readonly [string, Took])[], log: Logger): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(`${file}.new`, JSON.stringify(Object.fromEntries(passed.slice(-PASSED_MAX))), {
      mode: 0o600,
    });
    renameSync(`${file}.new`, file);
  } catch (error) {
    log.warn({ error, file }, 'what passed could not be kept for the next start');
  }
}
