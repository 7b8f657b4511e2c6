import { type Isolation, LAYERS, type Layer } from '@gozolite/contract/execution';
import { unreachable } from '@gozolite/contract/result';
import {
  claim,
  count,
  type Members,
  nullableCount,
  object,
  text,
  texts,
} from '../native/protocol/members.js';

/** What a container's PID 1 found of the engine's work. */
export interface Facts {
  readonly kernel: string;
  readonly architecture: string;
  readonly cgroup: string;
  readonly uid: number;
  readonly mappedUids: boolean;
  readonly namespaces: Readonly<Record<string, unknown>>;
  readonly interfaces: readonly string[];
  readonly capabilities: string;
  readonly noNewPrivileges: boolean;
  readonly engineSeccomp: boolean;
  readonly readOnlyRoot: boolean;
  readonly landlock: boolean;
  readonly memoryBytes: number | null;
  readonly pids: number | null;
  readonly cpu: boolean;
}

/** @throws FrameError where a fact is missing: what was not told is not believed */
export function parseFacts(hello: Members): Facts {
  const inside = object(hello, 'inside');
  return {
    kernel: text(inside, 'kernel'),
    architecture: text(inside, 'architecture'),
    cgroup: text(inside, 'cgroup'),
    uid: count(inside, 'uid'),
    mappedUids: claim(inside, 'mapped_uids'),
    namespaces: object(inside, 'namespaces'),
    interfaces: texts(inside, 'interfaces'),
    capabilities: text(inside, 'capabilities'),
    noNewPrivileges: claim(inside, 'no_new_privileges'),
    engineSeccomp: count(inside, 'seccomp') === 2,
    readOnlyRoot: claim(inside, 'read_only_root'),
    landlock: claim(inside, 'landlock'),
    memoryBytes: nullableCount(inside, 'memory_bytes'),
    pids: nullableCount(inside, 'pids'),
    cpu: claim(inside, 'cpu'),
  };
}

/** Without one of these nothing runs: the rest is the host's to lack. */
const REQUIRED: readonly Layer[] = [
  'cgroup-memory',
  'cgroup-pids',
  'pid-namespace',
  'network-namespace',
  'own-uid',
  'rootfs',
  'capabilities',
  'no-new-privileges',
];

/** The layers that must be there and are not: the program does not start. */
export function lacking(facts: Facts, uid: number): readonly Layer[] {
  return REQUIRED.filter((layer) => reasonWithout(layer, facts, uid) !== undefined);
}

export function isolationOf(facts: Facts, uid: number): Isolation {
  const missing = LAYERS.flatMap((layer) => {
    const reason = reasonWithout(layer, facts, uid);
    return reason === undefined ? [] : [{ layer, reason }];
  });
  const without = new Set(missing.map(({ layer }) => layer));
  const layers = LAYERS.filter((layer) => !without.has(layer));
  return { backend: 'container', level: 'container', layers, missing };
}

/** Inode numbers of the namespaces that a kernel starts with (linux/proc_ns.h). */
const FIRST: Readonly<Record<string, number>> = {
  ipc: 0xefff_ffff,
  uts: 0xefff_fffe,
  user: 0xefff_fffd,
  pid: 0xefff_fffc,
  cgroup: 0xefff_fffb,
};

function shared(facts: Facts, name: string): string | undefined {
  const number = facts.namespaces[name];
  if (typeof number !== 'number') return `no ${name} namespace was found`;
  return number === FIRST[name] ? `the container has the host's ${name} namespace` : undefined;
}

/** undefined where the layer is in force. */
function reasonWithout(layer: Layer, facts: Facts, uid: number): string | undefined {
  const unless = (holds: boolean, reason: string) => (holds ? undefined : reason);
  switch (layer) {
    case 'cgroup-memory':
      return unless(facts.memoryBytes !== null, 'the engine set no memory limit');
    case 'cgroup-cpu':
      return unless(facts.cpu, 'the engine set no CPU rate');
    case 'cgroup-pids':
      return unless(facts.pids !== null, 'the engine set no limit of processes');
    case 'user-namespace':
      if (facts.mappedUids) return undefined;
      return 'the engine does not map uids (userns-remap, rootless): a uid inside is one outside';
    case 'pid-namespace':
      return shared(facts, 'pid');
    case 'ipc-namespace':
      return shared(facts, 'ipc');
    case 'uts-namespace':
      return shared(facts, 'uts');
    case 'cgroup-namespace':
      return shared(facts, 'cgroup');
    case 'mount-namespace':
    case 'rootfs':
      return unless(facts.readOnlyRoot, "the container's root can be written");
    case 'network-namespace':
      return unless(
        facts.interfaces.every((name) => name === 'lo'),
        `the container has the interfaces ${facts.interfaces.join(', ')}`,
      );
    case 'own-uid':
      return unless(facts.uid === uid, `the container runs as uid ${facts.uid}, not ${uid}`);
    case 'capabilities':
      return unless(facts.capabilities === '0', `capabilities ${facts.capabilities} are left`);
    case 'no-new-privileges':
      return unless(facts.noNewPrivileges, 'the engine did not set no_new_privs');
    case 'landlock':
      return unless(facts.landlock, 'this kernel (or runtime) has no Landlock');
    case 'rlimits':
    case 'seccomp':
      return undefined; // PID 1 puts them on the program itself, or the program does not start.
    default:
      return unreachable(layer);
  }
}
