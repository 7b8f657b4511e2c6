/**
 * What of /proc tells of the host and nothing of the sandbox, or would change the host: the native
 * launcher's list (crates/sandboxd/src/confine/template.rs; a test compares them).
 */
const PROC = [
  'sys',
  'fs',
  'bus',
  'irq',
  'acpi',
  'pressure',
  'kcore',
  'sysrq-trigger',
  'keys',
  'key-users',
  'kallsyms',
  'interrupts',
  'softirqs',
  'config.gz',
  'cmdline',
  'bootconfig',
  'modules',
  'partitions',
  'diskstats',
  'locks',
  'cgroups',
  'zoneinfo',
  'vmstat',
] as const;

/** What only the host's root can open, which a container's engine may well be. */
const PROC_OF_ROOT = ['timer_list', 'timer_stats', 'sched_debug', 'scsi', 'kmsg', 'slabinfo'];

/** All of /sys but the container's own cgroup, which PID 1 reads. */
const SYS = [
  ...['block', 'bus', 'class', 'dev', 'devices', 'firmware', 'hypervisor', 'kernel', 'module'],
  ...['power', 'fs/bpf', 'fs/btrfs', 'fs/ext4', 'fs/f2fs', 'fs/fuse', 'fs/pstore', 'fs/selinux'],
  ...['fs/smackfs', 'fs/xfs', 'fs/erofs', 'fs/resctrl', 'fs/zonefs', 'fs/nfs'],
];

/** A sandbox has no terminals and no queues; a masked folder is an empty one. */
const DEV = ['pts', 'mqueue', 'tty', 'console'];

export const MASKED_PATHS: readonly string[] = [
  ...DEV.map((name) => `/dev/${name}`),
  ...[...PROC, ...PROC_OF_ROOT].map((name) => `/proc/${name}`),
  ...SYS.map((name) => `/sys/${name}`),
];
