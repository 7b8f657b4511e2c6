import type { Limits } from '@gozolite/contract/limits';
import type { SandboxCommand } from '../../backend.js';
import type { SandboxImage } from './engine/image.js';
import { MASKED_PATHS } from './masks.js';
import type { Trees } from './trees.js';

/** Whose containers these are: what a sweep may take away. */
export const OWNER_LABEL = 'gozolite.owner';

/** What PID 1 has beside the program, whose limit is to be the program's own. */
const INIT_BYTES = 1536 * 1024;
/** What a runtime needs to start a container at all, for a moment (runc is a Go program). */
const START_BYTES_MIN = 32 * 1024 * 1024;
const START_PIDS_MIN = 48;
const SHM_BYTES = 16 * 1024 * 1024;
/** As the native launcher's (crates/sandboxd/src/child/plan.rs). */
const INODES = 8192;
/** PID 1's, for the kernel's choice when memory is out; it gives the program 1000. */
const OOM_SCORE = 0;
const FILE_BYTES_MIN = 1024 * 1024;
const OPEN_FILES_MIN = 64;
/** As the native launcher's: a limit of 0 would let the host's crash handler start (core(5)). */
const CORE_BYTES = 1;

export interface ContainerPlan {
  readonly image: SandboxImage;
  readonly owner: string;
  readonly runtime: string;
  readonly uid: number;
  readonly command: Pick<SandboxCommand, 'id' | 'limits' | 'stdin'>;
  /** Of the folder of packs. */
  readonly trees: Trees;
  /** Of the compile's output that is brought in. */
  readonly layerBytes: number;
}

/** The body of `POST /containers/create`: nothing of it is left to the engine's defaults. */
export function creationOf(plan: ContainerPlan): object {
  const { image, owner, runtime, uid, command, trees } = plan;
  const start = ceilingsAtStart(plan);
  return {
    Image: image.id,
    Entrypoint: ['/sandboxd', '--inside'],
    Cmd: [],
    Env: [],
    User: `${uid}:${uid}`,
    WorkingDir: '/',
    Hostname: 'sandbox',
    Labels: { [OWNER_LABEL]: owner, 'gozolite.command': command.id },
    ...{ OpenStdin: true, StdinOnce: true, Tty: false, NetworkDisabled: true },
    ...{ AttachStdin: true, AttachStdout: true, AttachStderr: true },
    HostConfig: {
      ...(runtime === '' ? {} : { Runtime: runtime }),
      ...(image.usr === 'host' && trees.root.length === 0 ? { Binds: ['/usr:/usr:ro'] } : {}),
      Mounts: [...trees.root, ...trees.data],
      ...{ NetworkMode: 'none', IpcMode: 'private', PidMode: '', CgroupnsMode: 'private' },
      ...{ Privileged: false, ReadonlyRootfs: true, CapDrop: ['ALL'], Init: false },
      ...{ AutoRemove: false, RestartPolicy: { Name: 'no' }, LogConfig: { Type: 'none' } },
      SecurityOpt: ['no-new-privileges', `seccomp=${image.seccomp}`],
      ...start,
      NanoCpus: command.limits.cpus * 1e9,
      OomScoreAdj: OOM_SCORE,
      ShmSize: SHM_BYTES,
      Tmpfs: tmpfsOf(plan),
      Ulimits: ulimitsOf(command.limits),
      MaskedPaths: MASKED_PATHS,
      // PID 1 writes into /proc; Landlock keeps the program from it.
      ReadonlyPaths: [],
      Sysctls: SYSCTLS,
    },
  };
}

interface Ceilings {
  readonly Memory: number;
  /** Together with swap: the same, so there is none. */
  readonly MemorySwap: number;
  readonly PidsLimit: number;
}

function ceilingsAtStart(plan: ContainerPlan): Ceilings {
  const { Memory, PidsLimit } = ceilingsOf(plan);
  const bytes = Math.max(Memory, START_BYTES_MIN);
  return { Memory: bytes, MemorySwap: bytes, PidsLimit: Math.max(PidsLimit, START_PIDS_MIN) };
}

/** The program's own limits, and what PID 1 holds for it. */
function ceilingsOf({ command: { limits, stdin }, layerBytes }: ContainerPlan): Ceilings {
  const bytes = limits.memory_kb * 1024 + INIT_BYTES + stdin.length + layerBytes;
  return { Memory: bytes, MemorySwap: bytes, PidsLimit: limits.processes + 1 };
}

/** The body of `POST /containers/{id}/update`, where the start needed more than the program may. */
export function updateOf(plan: ContainerPlan): object | undefined {
  const [start, then] = [ceilingsAtStart(plan), ceilingsOf(plan)];
  return start.Memory === then.Memory && start.PidsLimit === then.PidsLimit ? undefined : then;
}

function tmpfsOf({ uid, command: { limits }, layerBytes }: ContainerPlan): Record<string, string> {
  const common = `rw,exec,nosuid,nodev,nr_inodes=${INODES}`;
  const layerKb = Math.ceil(layerBytes / 1024);
  return {
    '/work': `${common},size=${limits.disk_kb + layerKb}k,mode=0755,uid=${uid},gid=${uid}`,
    '/tmp': `${common},size=${limits.disk_kb}k,mode=1777`,
  };
}

/** An engine opens low ports and pings to everybody in a network namespace of its making. */
const SYSCTLS = {
  'net.ipv4.ip_unprivileged_port_start': '1024',
  'net.ipv4.ping_group_range': '1 0',
};

/** What the engine's own hard limits may lie below; PID 1 sets all eleven for the program. */
function ulimitsOf(limits: Limits): object[] {
  const both = (Name: string, value: number) => ({ Name, Soft: value, Hard: value });
  return [
    both('nofile', Math.max(limits.open_files, OPEN_FILES_MIN)),
    both('stack', limits.stack_kb * 1024),
    both('fsize', Math.max(limits.file_kb * 1024, FILE_BYTES_MIN)),
    both('core', CORE_BYTES),
  ];
}
