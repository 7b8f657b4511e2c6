import { readFileSync } from 'node:fs';
import { UsageError } from '../usage-error.js';
import type { Edition } from './editions.js';
import type { SmokeFinding } from './smoke-finding.js';

/** What an earlier report says of the same file and the same tree, if all of it passed. */
export type Earlier = (sha256: string, edition: Edition) => readonly SmokeFinding[] | undefined;

/** @param path a report of `--json`, of the same version and, the caller says, the same machine */
export function readEarlier(path: string | undefined, version: string): Earlier {
  if (path === undefined) return () => undefined;
  const report = parse(path);
  if (report.version !== version) return () => undefined;
  return (sha256, { toolchain }) => {
    const digest = toolchain?.digest;
    if (digest === undefined) return undefined;
    const row = report.languages.find(
      (each) => each.passed && each.sha256 === sha256 && each.toolchain?.digest === digest,
    );
    return row?.smokes.map(({ name, status, total_ms, differences }) => ({
      name,
      status,
      totalMs: total_ms,
      differences,
    }));
  };
}

interface Report {
  readonly version: string;
  readonly languages: readonly {
    readonly sha256: string;
    readonly passed: boolean;
    readonly toolchain: { readonly digest?: string } | null;
    readonly smokes: readonly (Omit<SmokeFinding, 'totalMs'> & {
      readonly total_ms: number | null;
    })[];
  }[];
}

function parse(path: string): Report {
  try {
    const report: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (isReport(report)) return report;
  } catch (error) {
    throw new UsageError(
      `${path} can't be read: ${error instanceof Error ? error.message : error}`,
    );
  }
  throw new UsageError(`${path} is no report of check-language --json`);
}

function isReport(value: unknown): value is Report {
  if (typeof value !== 'object' || value === null) return false;
  const { languages }: Partial<Record<keyof Report, unknown>> = value;
  return (
    Array.isArray(languages) &&
    languages.every((each) => typeof each?.passed === 'boolean' && Array.isArray(each.smokes))
  );
}
