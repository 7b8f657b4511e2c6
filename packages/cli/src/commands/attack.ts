import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Attack, readCorpus } from '@gozolite/attacks/corpus';
import { layBait } from '@gozolite/attacks/host-bait';
import { type LauncherPlace, launcherPlace } from '@gozolite/attacks/launcher-place';
import { htmlOf } from '@gozolite/attacks/report/html';
import { jsonOf } from '@gozolite/attacks/report/json';
import { areContained, lastLine, type Report } from '@gozolite/attacks/report/summary';
import { tableOf } from '@gozolite/attacks/report/table';
import { survey } from '@gozolite/attacks/survey';
import type { Child } from '../child.js';
import { corpusFolder, installation, type Where } from '../connect.js';
import { LocalEngineError, startLauncher } from '../local.js';
import { UsageError } from '../usage-error.js';
import { createProgress } from './progress.js';

/** A launcher that starts listens within a fraction of it. */
const START_MS_MAX = 10_000;
const POLL_MS = 20;

export interface AttackOptions {
  /** A launcher that runs already, by its socket; else one is started for this call. */
  readonly socket: string | undefined;
  /** Ids; all where none is named. */
  readonly only: readonly string[];
  /** A file; `true` prints it in the table's place. */
  readonly json: string | boolean;
  readonly html: string | undefined;
}

/** `gozo doctor --attack`. @returns 0 where every attack was contained, else 1 */
export async function attack(
  where: Where,
  options: AttackOptions,
  signal: AbortSignal,
): Promise<number> {
  const folder = corpusFolder();
  const attacks = chosen(readCorpus(folder), options.only);
  await using bait = await layBait();
  await using launcher = await openLauncher(where, options, bait.env);
  const { place, ended } = launcher;
  const progress = createProgress(process.stderr, attacks.length);
  const work = survey({ place, folder, signal, onProgress: progress.show }, attacks);
  try {
    const report = await (ended === undefined ? work : Promise.race([work, ended]));
    progress.end();
    tell(report, options);
    return areContained(report.findings) ? 0 : 1;
  } finally {
    progress.end();
  }
}

function chosen(corpus: readonly Attack[], only: readonly string[]): readonly Attack[] {
  const unknown = only.filter((id) => !corpus.some((each) => each.id === id));
  if (unknown.length > 0) throw new UsageError(`there is no attack ${unknown.join(', ')}`);
  return only.length === 0 ? corpus : corpus.filter(({ id }) => only.includes(id));
}

interface OpenLauncher extends AsyncDisposable {
  readonly place: LauncherPlace;
  /** Rejects where a launcher of our own ends by itself. */
  readonly ended: Promise<never> | undefined;
}

async function openLauncher(
  where: Where,
  { socket }: AttackOptions,
  env: Readonly<Record<string, string>>,
): Promise<OpenLauncher> {
  if (socket !== undefined) {
    const place = launcherPlace(socket, env, true);
    const silence = await place.answers();
    if (silence !== undefined) {
      await place[Symbol.asyncDispose]();
      throw new LocalEngineError(`no launcher answers at ${socket}: ${silence.message}`);
    }
    return {
      place,
      ended: undefined,
      [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
    };
  }
  if (process.getuid?.() !== 0) {
    throw new LocalEngineError('a launcher of its own needs root; as root, or name one: --socket');
  }
  const folder = mkdtempSync(join(tmpdir(), 'gozo-doctor-'));
  const path = join(folder, 'sandboxd.sock');
  const launcher = where.launcher ?? join(installation(), 'sandboxd');
  const child = startLauncher({ launcher, socket: path, owner: 0, floor: 'full' });
  const dispose = async (place: LauncherPlace) => {
    await place[Symbol.asyncDispose]();
    await child[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  };
  const place = launcherPlace(path, env, false);
  try {
    await untilListening(place, child);
  } catch (error) {
    await dispose(place);
    const reason = error instanceof Error ? error.message : String(error);
    throw new LocalEngineError(`no launcher could be started: ${reason}`, { cause: error });
  }
  return { place, ended: child.ended, [Symbol.asyncDispose]: () => dispose(place) };
}

async function untilListening(place: LauncherPlace, child: Child): Promise<void> {
  const deadline = performance.now() + START_MS_MAX;
  for (;;) {
    const error = await Promise.race([place.answers(), child.ended]);
    if (error === undefined) return;
    if (performance.now() > deadline) throw error;
    await sleep(POLL_MS);
  }
}

function tell(report: Report, { json, html }: AttackOptions): void {
  if (html !== undefined) writeFileSync(html, htmlOf(report));
  if (typeof json === 'string') writeFileSync(json, jsonOf(report));
  const text = json === true ? jsonOf(report) : `${tableOf(report).join('\n')}\n`;
  process.stdout.write(text);
  if (json === true) process.stderr.write(`${lastLine(report.findings)}\n`);
}
