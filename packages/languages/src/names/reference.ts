/** What a request's `language` says: a name, in lower case, and what was asked beyond it. */
export interface Reference {
  readonly name: string;
  readonly version?: string;
  readonly variant?: string;
}

/**
 * Reads `name[@version][+variant]`. A name may hold a plus itself (`c++`, `g++@12`), so the
 * longest part that is a known name is taken for it.
 */
export function parseReference(text: string, isName: (name: string) => boolean): Reference {
  const reference = text.trim().toLowerCase();
  if (isName(reference)) return { name: reference };
  const mark = reference.indexOf('@');
  if (mark > 0) {
    const [version = '', variant] = cutAtPlus(reference.slice(mark + 1));
    return withParts(reference.slice(0, mark), version, variant);
  }
  const [name = '', variant] = cutAtPlus(reference);
  return isName(name) ? withParts(name, '', variant) : { name: reference };
}

function withParts(name: string, version: string, variant: string | undefined): Reference {
  return {
    name,
    ...(version !== '' && { version }),
    ...(variant !== undefined && variant !== '' && { variant }),
  };
}

function cutAtPlus(text: string): readonly string[] {
  const plus = text.lastIndexOf('+');
  return plus > 0 ? [text.slice(0, plus), text.slice(plus + 1)] : [text];
}
