import type { Program, Work } from './work.js';

/** Something that runs programs: GozoLite, the bare toolchain, or a rival that is there already. */
export interface Subject extends AsyncDisposable {
  readonly name: string;
  /**
   * Milliseconds from the request to the right answer.
   * @throws where the answer is wrong, or there is none
   */
  run(work: Work, program: Program): Promise<number>;
}

export class WrongAnswer extends Error {
  override readonly name = 'WrongAnswer';
}

export function assertAnswer(subject: string, { answer }: Program, printed: string): void {
  if (printed === answer) return;
  const said = JSON.stringify(printed.slice(0, 300));
  throw new WrongAnswer(`${subject} answered ${said} for ${JSON.stringify(answer)}`);
}
