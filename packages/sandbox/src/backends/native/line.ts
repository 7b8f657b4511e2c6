import type { Line } from '../../interaction.js';
import type { Connection } from './connection.js';
import { encodeFrames, type Frame } from './protocol/frames.js';
import { resizeFrame, signalFrame, stdinEndFrame, stdinFrames } from './protocol/launch.js';

/** Longer than this no output is held up at a time: its limit bounds it all the same. */
const PAUSE_MS_MAX = 10_000;

/** Pauses of what the launcher says. */
export interface Pausing {
  pause(): void;
  resume(): void;
  /** There are no more from now on. */
  giveUp(): void;
  isOver(): boolean;
}

export function pausesOf(connection: Connection): Pausing {
  let pause: NodeJS.Timeout | undefined;
  let isOver = false;
  const resume = () => {
    if (pause === undefined) return;
    clearTimeout(pause);
    pause = undefined;
    connection.resume();
  };
  return {
    resume,
    isOver: () => isOver,
    pause: () => {
      if (isOver || pause !== undefined) return;
      pause = setTimeout(resume, PAUSE_MS_MAX);
      connection.pause();
    },
    giveUp: () => {
      isOver = true;
      resume();
    },
  };
}

export function lineOver(connection: Connection, { pause, resume }: Pausing): Line {
  const send = (frames: readonly Frame[]) => connection.send(encodeFrames(frames));
  return {
    ...{ pause, resume },
    write: (bytes) => send(stdinFrames(bytes)),
    end: () => send([stdinEndFrame()]),
    signal: (name) => send([signalFrame(name)]),
    resize: (size) => send([resizeFrame(size)]),
  };
}
