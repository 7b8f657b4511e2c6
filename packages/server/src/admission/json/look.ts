import { REQUEST_BOUNDS } from '@gozolite/contract/execution';
import type { Refusal } from '@gozolite/contract/refusal';
import { pointer } from '../fault.js';

/** No valid request has more: 128 KiB of arguments hold at most 131,072 of them, twice. */
const MEMBERS_MAX = 300_000;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** An object or list that is open where the look is. */
interface Level {
  /** Of an object the names that it has so far; undefined: a list. */
  readonly names: Set<string> | undefined;
  /** The name that was last, or the place in the list. */
  at: string | number;
  /** Whether the next string is a name. */
  isNameNext: boolean;
}

/**
 * What JSON.parse would take and nobody means: a name that an object has twice (the last one would
 * win here and the first elsewhere, RFC 8259 §4), one that reaches for the prototype of what is
 * made of it, more nesting or members than any request has. One pass over valid UTF-8, before
 * anything is built. Of what is no JSON it says nothing, or anything: JSON.parse refuses that.
 */
export function oddityOf(bytes: Buffer): Refusal | undefined {
  const levels: Level[] = [];
  let members = 0;
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index];
    if (byte === QUOTE) {
      const end = endOfString(bytes, index);
      const level = levels.at(-1);
      if (level?.names !== undefined && level.isNameNext) {
        const fault = nameFault(levels, level.names, nameOf(bytes, index, end));
        if (fault !== undefined) return fault;
        if (leadsToPrototype(level.at, bytes, end + 1)) return polluting(levels);
        level.isNameNext = false;
      }
      index = end;
    } else if (byte === COMMA) {
      members += 1;
      if (members > MEMBERS_MAX) return badJson(`More than ${MEMBERS_MAX} members.`);
      next(levels.at(-1));
    } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
      if (levels.length === REQUEST_BOUNDS.jsonDepthMax) {
        return badJson(`Nested deeper than ${REQUEST_BOUNDS.jsonDepthMax}.`);
      }
      const isObject = byte === OPEN_OBJECT;
      levels.push({ names: isObject ? new Set() : undefined, at: 0, isNameNext: isObject });
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
      levels.pop();
    }
  }
  return undefined;
}

/** @returns where the closing quote is, or the end of a body that has none */
function endOfString(bytes: Buffer, from: number): number {
  let index = from + 1;
  while (index < bytes.length && bytes[index] !== QUOTE) {
    index += bytes[index] === BACKSLASH ? 2 : 1;
  }
  return index;
}

function next(level: Level | undefined): void {
  if (level === undefined) return;
  if (level.names !== undefined) level.isNameNext = true;
  else if (typeof level.at === 'number') level.at += 1;
}

/** Takes the name down, or says what is wrong with it. */
function nameFault(
  levels: Level[],
  names: Set<string>,
  name: string | undefined,
): Refusal | undefined {
  const level = levels.at(-1);
  if (name === undefined || level === undefined) return undefined;
  level.at = name;
  if (name === '__proto__') return polluting(levels);
  if (names.has(name)) return faultAt(levels, 'BAD_JSON', 'This member stands twice.');
  names.add(name);
  return undefined;
}

/** However it is written: `"\u005f_proto__"` is the same name. */
function nameOf(bytes: Buffer, quote: number, end: number): string | undefined {
  const text = bytes.toString('utf8', quote + 1, end);
  if (!text.includes('\\')) return text;
  try {
    return JSON.parse(`"${text}"`);
  } catch {
    return undefined;
  }
}

/** `constructor` and `prototype` are names like others, unless something can lie below them. */
function leadsToPrototype(name: string | number, bytes: Buffer, from: number): boolean {
  if (name !== 'constructor' && name !== 'prototype') return false;
  const colon = afterSpace(bytes, from);
  const value = bytes[colon] === COLON ? bytes[afterSpace(bytes, colon + 1)] : undefined;
  return value === OPEN_OBJECT || value === OPEN_LIST;
}

const SPACE = [0x20, 0x09, 0x0a, 0x0d];

function afterSpace(bytes: Buffer, from: number): number {
  let index = from;
  while (SPACE.includes(bytes[index] ?? 0)) index += 1;
  return index;
}

function polluting(levels: readonly Level[]): Refusal {
  return faultAt(levels, 'BAD_REQUEST', 'A member can not have this name.');
}

function faultAt(
  levels: readonly Level[],
  code: 'BAD_JSON' | 'BAD_REQUEST',
  detail: string,
): Refusal {
  const where = pointer(...levels.map(({ at }) => at));
  return { code, detail: `${where}: ${detail}`, errors: [{ pointer: where, code, detail }] };
}

function badJson(detail: string): Refusal {
  return { code: 'BAD_JSON', detail };
}
