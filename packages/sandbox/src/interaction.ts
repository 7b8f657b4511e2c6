import type { SignalName, TerminalSize } from '@gozolite/contract/interactive/interactive';

/** The way to a program that is talked to. After its end nothing of it has an effect. */
export interface Line {
  /** To its standard input; `onTaken` tells how much of it went in. */
  write(bytes: Uint8Array): void;
  /** No more input comes; a terminal is sent Control-D. */
  end(): void;
  /** To its process group. */
  signal(name: SignalName): void;
  /** Of its terminal. */
  resize(size: TerminalSize): void;
  /** Its output may wait until `resume`, or a while. */
  pause(): void;
  resume(): void;
}

/** A program's other side, while it runs. Neither call may throw. */
export interface Interaction {
  /** Its streams are one terminal; absent: pipes, of which the input stays open. */
  readonly terminal?: TerminalSize;
  /** The program could run. */
  readonly onStarted: (line: Line) => void;
  /** So many bytes it has taken of its input, with those of its request, in all. */
  readonly onTaken: (bytes: number) => void;
}
