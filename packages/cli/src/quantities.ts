import { ok, type Result, refuse } from '@gozolite/contract/result';

const MS = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['min', 60_000],
  ['', 1000],
]);
const KB = new Map([
  ['k', 1],
  ['m', 1024],
  ['g', 1024 * 1024],
  ['', 1024],
]);

/** `500ms`, `5s`, `1.5s`, `2m`; a bare number is seconds. @returns whole milliseconds */
export function parseDuration(text: string): Result<number, string> {
  return parse(text, MS, 'a duration as 500ms, 5s or 2m');
}

/**
 * `512k`, `256m`, `1g`, also as `256MB` or `256MiB`, always by 1,024; a bare number is MiB.
 * @returns KiB
 */
export function parseSize(text: string): Result<number, string> {
  return parse(text.replace(/(?<=[kmg])i?b$/i, ''), KB, 'a size as 512k, 256m or 1g');
}

function parse(
  text: string,
  units: ReadonlyMap<string, number>,
  wanted: string,
): Result<number, string> {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)([a-z]*)$/i.exec(text.trim());
  const unit = units.get(match?.[2]?.toLowerCase() ?? '?');
  if (match?.[1] === undefined || unit === undefined) return refuse(`"${text}" is not ${wanted}`);
  return ok(Math.round(Number(match[1]) * unit));
}
