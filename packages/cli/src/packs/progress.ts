import type { Outcome, Watcher } from '@gozolite/packs/packs';
import { MultiBar, type SingleBar } from 'cli-progress';

interface Terminal extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
}

/** What one bar shows beside its length. */
interface Shown {
  readonly name: string;
  readonly step: string;
  readonly bytes: string;
  readonly left: string;
}

/** A bar's length in hundredths of a hundredth, so that it moves. */
const WHOLE = 10_000;
/** Before this, a guess of the time left would only jump. */
const GUESS_SHARE_MIN = 0.05;

export interface PacksProgress extends Watcher, Disposable {
  /** For work without packs of their own: verify, export, import. */
  readonly share: (name: string, step: string) => (share: number) => void;
}

/** Bars where a person looks, one line for each step elsewhere. */
export function createPacksProgress(output: Terminal): PacksProgress {
  return output.isTTY === true ? bars(output) : lines(output);
}

function lines(output: Terminal): PacksProgress {
  const say = (line: string) => output.write(`${line}\n`);
  const stepper = (name: string) => {
    let last = '';
    return (step: string, more: string) => {
      if (step !== last) say(`${name}: ${step}${more}`);
      last = step;
    };
  };
  return {
    onWait: () => say(WAITING),
    onStep: (words) => say(words),
    onProgress: (name) => {
      const tell = stepper(name);
      return ({ step, bytes }) =>
        tell(step, bytes === undefined ? '' : ` ${megabytes(bytes.total)}`);
    },
    onOutcome: (outcome) => say(wordsOf(outcome)),
    share: (name, step) => {
      say(`${name}: ${step}`);
      return () => {};
    },
    [Symbol.dispose]: () => {},
  };
}

function bars(output: Terminal): PacksProgress {
  const multi = new MultiBar({
    format: '{name} {bar} {percentage}% {step} {bytes} {left}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    stream: output,
    // Ctrl-C is ours to handle.
    gracefulExit: false,
    forceRedraw: true,
  });
  const open = new Map<string, { bar: SingleBar; start: number }>();
  const update = (name: string, share: number, shown: Omit<Shown, 'name' | 'left'>) => {
    const known = open.get(name) ?? {
      bar: multi.create(WHOLE, 0, { name: name.padEnd(18), step: '', bytes: '', left: '' }),
      start: performance.now(),
    };
    open.set(name, known);
    const left = leftOf(share, performance.now() - known.start);
    known.bar.update(Math.round(share * WHOLE), { ...shown, left });
  };
  const close = (name: string) => {
    const known = open.get(name);
    if (known !== undefined) multi.remove(known.bar);
    open.delete(name);
  };
  const say = (line: string) => multi.log(`${line}\n`);
  return {
    onWait: () => say(WAITING),
    onStep: (words) => update('preparing', 0, { step: words, bytes: '' }),
    onProgress:
      (name) =>
      ({ step, share, bytes }) => {
        close('preparing');
        const words =
          bytes === undefined ? '' : `${megabytes(bytes.done)} of ${megabytes(bytes.total)}`;
        update(name, share, { step, bytes: words });
      },
    onOutcome: (outcome) => {
      close(outcome.kind === 'failed' ? outcome.name : outcome.pack.name);
      if (outcome.kind !== 'failed') close(shortName(outcome.pack));
      say(wordsOf(outcome));
    },
    share: (name, step) => (share) => update(name, share, { step, bytes: '' }),
    [Symbol.dispose]: () => multi.stop(),
  };
}

const WAITING = 'another gozo packs is at work here; waiting for it';

/** As an order of the short form was called before its version was known. */
function shortName({ language, variant }: { language: string; variant: string | null }): string {
  return variant === null ? language : `${language}+${variant}`;
}

function leftOf(share: number, elapsedMs: number): string {
  if (share < GUESS_SHARE_MIN) return '';
  const seconds = Math.ceil((elapsedMs * (1 - share)) / share / 1000);
  return seconds < 100 ? `${seconds} s left` : `${Math.ceil(seconds / 60)} min left`;
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

/** One line on what became of a pack. */
export function wordsOf(outcome: Outcome): string {
  if (outcome.kind === 'failed') return `${outcome.name}: failed: ${outcome.reason}`;
  const { pack } = outcome;
  switch (outcome.kind) {
    case 'present':
      return `${pack.name}: installed already`;
    case 'unchanged':
      return `${pack.name}: nothing new`;
    case 'added':
    case 'replaced': {
      const seconds = (outcome.tookMs / 1000).toFixed(1);
      const sizes = `${megabytes(pack.bytes)}, ${megabytes(outcome.newBytes)} of them new`;
      return `${pack.name}: ${outcome.kind} in ${seconds} s, ${sizes}`;
    }
  }
}
