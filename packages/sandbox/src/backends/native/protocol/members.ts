import { FrameError } from './frames.js';

/**
 * Readers of the members of an object from outside, one per type. Each throws FrameError where
 * the member is absent or of another type.
 */
export type Members = Readonly<Record<string, unknown>>;

export function text(of: Members, name: string): string {
  const member = of[name];
  if (typeof member !== 'string') throw wrong(name, 'a text');
  return member;
}

export function optionalText(of: Members, name: string): string | undefined {
  return of[name] === undefined ? undefined : text(of, name);
}

export function nullableText(of: Members, name: string): string | null {
  return of[name] === null ? null : text(of, name);
}

export function texts(of: Members, name: string): string[] {
  return list(of, name).map((member) => {
    if (typeof member !== 'string') throw wrong(name, 'a list of texts');
    return member;
  });
}

/** A whole number, 0 or more. */
export function count(of: Members, name: string): number {
  const member = of[name];
  if (typeof member !== 'number' || !Number.isSafeInteger(member) || member < 0) {
    throw wrong(name, 'a whole number of 0 or more');
  }
  return member;
}

export function nullableCount(of: Members, name: string): number | null {
  return of[name] === null ? null : count(of, name);
}

export function claim(of: Members, name: string): boolean {
  const member = of[name];
  if (typeof member !== 'boolean') throw wrong(name, 'true or false');
  return member;
}

export function oneOf<T extends string>(of: Members, name: string, allowed: readonly T[]): T {
  const member = of[name];
  const known = allowed.find((value) => value === member);
  if (known === undefined) throw wrong(name, `one of ${allowed.join(', ')}`);
  return known;
}

export function object(of: Members, name: string): Members {
  const member = of[name];
  if (!isMembers(member)) throw wrong(name, 'an object');
  return member;
}

export function objects(of: Members, name: string): Members[] {
  return list(of, name).map((member) => {
    if (!isMembers(member)) throw wrong(name, 'a list of objects');
    return member;
  });
}

function list(of: Members, name: string): readonly unknown[] {
  const member = of[name];
  if (!Array.isArray(member)) throw wrong(name, 'a list');
  return member;
}

export function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrong(name: string, wanted: string): FrameError {
  return new FrameError(`${name} is not ${wanted}`);
}
