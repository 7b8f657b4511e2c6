import { parseVerifier, type Verifier } from '../note/key.js';
import { type SignedNote, signedBy } from '../note/note.js';

/** Whose signatures count: the keys that one began with, and those that they signed in. */
export interface Trust {
  /** `forged`: it names one of them, and the signature is not its own; `unknown`: it names none. */
  judge(note: SignedNote): 'signed' | 'forged' | 'unknown';
  /** Judged by every key that counted at any time: for what was signed long ago. */
  wasSigned(note: SignedNote): boolean;
  /** The old key said that the new one signs from now on. */
  replace(from: string, to: string): void;
  keys(): readonly Verifier[];
}

export function trustIn(vkeys: readonly string[]): Trust {
  let keys = vkeys.map(parseVerifier);
  let ever = keys;
  return {
    judge: (note) => {
      if (signedBy(note, keys) !== undefined) return 'signed';
      const names = (key: Verifier) =>
        note.signatures.some(({ name, id }) => name === key.name && id === key.id);
      return keys.some(names) ? 'forged' : 'unknown';
    },
    wasSigned: (note) => signedBy(note, ever) !== undefined,
    replace: (from, to) => {
      if (!keys.some(({ vkey }) => vkey === from)) return;
      const next = parseVerifier(to);
      keys = [next, ...keys.filter(({ vkey }) => vkey !== from && vkey !== to)];
      ever = [next, ...ever];
    },
    keys: () => keys,
  };
}
