import type { ChildProcess } from 'node:child_process';

export interface TestServer {
  readonly url: string;
  readonly socket: string;
  readonly state: string;
  readonly port: number;
  /** First host uid of its sandboxes. */
  readonly uidBase: number;
  /** JSON `{ supervisor, launcher, server }`: process ids, rewritten at every restart. */
  readonly pidsFile: string;
  /** What the start printed. */
  readonly report: string;
  /** The start script. */
  readonly child: ChildProcess;
  /** Ends it as Ctrl-C does; gives what it left behind, in words. */
  stop(): Promise<string[]>;
}

export function startTestServer(
  say: (line: string) => void,
  extraEnv?: Readonly<Record<string, string>>,
): Promise<TestServer>;

/** Process ids of a launcher's sandboxes, known by their uids. */
export function sandboxProcesses(uidBase: number): number[];

export function freePort(): Promise<number>;
