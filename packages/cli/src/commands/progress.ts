import type { Attack } from '@gozolite/attacks/corpus';
import type { Finding } from '@gozolite/attacks/examine';

const BAR_COLUMNS = 30;
const COLUMNS = 80;
/** Clears the line and goes to its start (ECMA-48, EL and CHA). */
const CLEAR = '\u001b[2K\u001b[G';

interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** How far the attacks are: one line that changes on a terminal, a line for each elsewhere. */
export function createProgress(output: Terminal, total: number) {
  const isTerminal = output.isTTY === true;
  // A terminal that does not know its width says 0.
  const columns = output.columns || COLUMNS;
  let told = 0;
  let isEnded = false;
  return {
    show: (done: readonly Finding[], next: Attack | undefined): void => {
      if (isTerminal) {
        if (next !== undefined) output.write(CLEAR + bar(done, next, total).slice(0, columns));
        return;
      }
      for (const finding of done.slice(told)) {
        told += 1;
        output.write(`${told}/${total} ${finding.attack.id}: ${wordsOf(finding)}\n`);
      }
    },
    end: (): void => {
      if (isTerminal && !isEnded) output.write(CLEAR);
      isEnded = true;
    },
  };
}

function bar(done: readonly Finding[], next: Attack, total: number): string {
  const filled = Math.round((done.length / Math.max(total, 1)) * BAR_COLUMNS);
  const failed = done.filter(({ verdict }) => verdict.kind === 'not-contained').length;
  const drawn = '█'.repeat(filled) + '░'.repeat(BAR_COLUMNS - filled);
  const alarm = failed === 0 ? '' : `, ${failed} NOT CONTAINED`;
  return `${drawn} ${done.length}/${total}${alarm}  ${next.id}`;
}

function wordsOf({ verdict, tookMs }: Finding): string {
  switch (verdict.kind) {
    case 'contained':
      return `contained (${tookMs} ms)`;
    case 'not-contained':
      return 'NOT CONTAINED';
    case 'not-applicable':
      return `not applicable (${verdict.reason})`;
  }
}
