/**
 * The placeholders of a language file: `{name}` or `{name:text}` or `{name key=value …}`.
 * Braces around anything but such a name are ordinary characters.
 */
const PLACEHOLDER = /\{([a-z_]+)(?::([^{}]*)| ([^{}]*))?\}/g;

export interface Placeholder {
  readonly whole: string;
  readonly name: string;
  /** After a colon. */
  readonly text: string | undefined;
  /** After a blank: `share=0.6 leave=64 least=16`. */
  readonly options: Readonly<Record<string, string>>;
}

/** Stand for any number of elements, so that each must be an element of its own. */
const SPLICES = ['args', 'files', 'default'];
/** Part of an element. */
const VALUES = [
  'entry',
  'entry_stem',
  'entry_folder',
  'cpus',
  'memory_kb',
  'memory_mb',
  'stack_kb',
];
const MEMORY_OPTIONS = ['share', 'leave', 'least'];

export function placeholdersOf(template: string): readonly Placeholder[] {
  return [...template.matchAll(PLACEHOLDER)].map(([whole, name = '', text, options]) =>
    placeholder(whole, name, text, options),
  );
}

function placeholder(whole: string, name: string, text?: string, options?: string): Placeholder {
  const pairs = (options ?? '').split(' ').filter((pair) => pair !== '');
  const entries = pairs.map((pair) => [pair.split('=')[0] ?? '', pair.split('=')[1] ?? '']);
  return { whole, name, text, options: Object.fromEntries(entries) };
}

/**
 * Replaces each placeholder by what `value` gives for it; `undefined` leaves it as it is.
 * In one pass, so that a value with braces of its own (a file's name) stays what it is.
 */
export function substitute(
  template: string,
  value: (placeholder: Placeholder) => string | undefined,
): string {
  return template.replace(
    PLACEHOLDER,
    (whole: string, name: string, text?: string, options?: string) =>
      value(placeholder(whole, name, text, options)) ?? whole,
  );
}

/** A splice that is the whole element, else undefined. */
export function spliceOf(template: string): Placeholder | undefined {
  const [first] = placeholdersOf(template);
  return first !== undefined && first.whole === template && SPLICES.includes(first.name)
    ? first
    : undefined;
}

/**
 * What is wrong with a template, in words, or undefined.
 * @param fixed names that stand for fixed text: the paths of the toolchain, `script`
 */
export function faultOf(template: string, fixed: readonly string[]): string | undefined {
  for (const placeholder of placeholdersOf(template)) {
    const fault = faultOfOne(placeholder, template, fixed);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function faultOfOne(
  { whole, name, text, options }: Placeholder,
  template: string,
  fixed: readonly string[],
): string | undefined {
  if (fixed.includes(name) && text === undefined) return undefined;
  if (![...SPLICES, ...VALUES].includes(name)) {
    const known = [...fixed, ...SPLICES, ...VALUES].join(', ');
    return `unknown placeholder ${whole}; known are ${known}`;
  }
  if (SPLICES.includes(name) && whole !== template) {
    return `${whole} stands for several arguments, so it must be an element of its own`;
  }
  if (name === 'files' && !/^\.[^,]+(,\.[^,]+)*$/.test(text ?? '')) {
    return `${whole} needs extensions, as in {files:.c,.h}`;
  }
  if (name === 'default' && !text) return `${whole} needs an argument, as in {default:--x=1}`;
  const strange = Object.entries(options).find(
    ([key, number]) =>
      name !== 'memory_mb' || !MEMORY_OPTIONS.includes(key) || !/^\d+(\.\d+)?$/.test(number),
  );
  return (
    strange &&
    `${whole} does not know ${strange.join('=')}; {memory_mb} takes share=0.6 leave=64 least=16`
  );
}
