import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const LINES_KEPT = 60;
const UP = '@up';

export interface MachinePlan {
  readonly kernel: string;
  readonly image: string;
  readonly memoryMib: number;
  readonly msMax: number;
  /** Until its first process says so: emulated, a kernel's start hangs now and then. */
  readonly upMsMax: number;
  onLine(line: string): void;
}

export interface MachineEnd {
  /** False where the machine was killed at its deadline. */
  readonly isInTime: boolean;
  /** False where it never came up. */
  readonly isUp: boolean;
  /** The last lines of the console, for whoever looks for the cause. */
  readonly lastLines: readonly string[];
}

/**
 * Boots the image in an emulated machine and waits for its end. Emulated, not accelerated: a guest
 * runs anywhere, if some ten times slower. No process outlives the call.
 */
export function runMachine(plan: MachinePlan) {
  const { kernel, image, memoryMib, msMax, upMsMax, onLine } = plan;
  return new Promise<MachineEnd>((resolve, reject) => {
    const parameters = 'console=ttyS0 quiet loglevel=1 panic=-1 random.trust_cpu=on';
    const machine = spawn(
      // It dies with this process, even if that is killed.
      'setpriv',
      [
        ...['--pdeathsig', 'KILL', 'qemu-system-x86_64'],
        ...['-accel', 'tcg', '-cpu', 'max', '-smp', '2', '-m', String(memoryMib)],
        ...['-display', 'none', '-monitor', 'none', '-serial', 'stdio', '-nic', 'none'],
        ...['-no-reboot', '-kernel', kernel, '-initrd', image, '-append', parameters],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const lastLines: string[] = [];
    let isInTime = true;
    let isUp = false;
    const kill = () => machine.kill('SIGKILL');
    const deadline = setTimeout(() => {
      isInTime = false;
      kill();
    }, msMax);
    const boot = setTimeout(kill, upMsMax);
    const stop = () => {
      kill();
      process.exit(1);
    };
    process.on('exit', kill);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, stop);

    const read = (line: string) => {
      if (line.includes(UP)) {
        isUp = true;
        clearTimeout(boot);
      }
      lastLines.push(line);
      if (lastLines.length > LINES_KEPT) lastLines.shift();
      onLine(line);
    };
    createInterface(machine.stdout).on('line', read);
    createInterface(machine.stderr).on('line', read);
    machine.on('error', reject);
    machine.on('close', () => {
      clearTimeout(deadline);
      clearTimeout(boot);
      process.off('exit', kill);
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, stop);
      resolve({ isInTime, isUp, lastLines });
    });
  });
}
