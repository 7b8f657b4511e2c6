import { readFileSync } from 'node:fs';

/** The real server that `npm test` started for the suites (scripts/test.mjs). */
export interface ServerUnderTest {
  readonly url: string;
  readonly socket: string;
  readonly state: string;
  readonly pidsFile: string;
  /** First host uid of its sandboxes. */
  readonly uidBase: number;
}

export interface Pids {
  readonly supervisor: number;
  readonly launcher: number;
  readonly server: number;
}

export function serverUnderTest(): ServerUnderTest {
  return {
    url: required('GOZO_TEST_URL'),
    socket: required('GOZO_TEST_SOCKET'),
    state: required('GOZO_TEST_STATE'),
    pidsFile: required('GOZO_TEST_PIDS'),
    uidBase: Number(required('GOZO_TEST_UID_BASE')),
  };
}

function required(name: string): string {
  const value = process.env[name];
  if (value) return value;
  throw new Error(`${name} is not set: run these tests by node scripts/test.mjs --only <suite>`);
}

export function readPids(pidsFile: string): Pids {
  return JSON.parse(readFileSync(pidsFile, 'utf8'));
}

/** Looks again and again until `look` gives something, for what sends no event; at most `ms`. */
export async function eventually<T>(
  what: string,
  ms: number,
  look: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const deadline = performance.now() + ms;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
