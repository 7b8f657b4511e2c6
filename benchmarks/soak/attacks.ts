import { bash, type Mixed, python } from './mixture.js';

/** How every attack may end: as a program, or at a limit. Never as a failure of ours. */
export const CONTAINED = [
  'ok',
  'runtime_error',
  'time_limit_exceeded',
  'memory_limit_exceeded',
  'output_limit_exceeded',
  'process_limit_exceeded',
  'disk_limit_exceeded',
] as const;

const attack = (name: string, request: object): Mixed => ({ name, request, status: CONTAINED });

/** Each bounds itself: without a sandbox none of these would be worse than a nuisance. */
export const ATTACKS: readonly Mixed[] = [
  attack(
    'forks',
    python(
      `import os, time
for _ in range(200):
    try:
        if os.fork() == 0:
            os.setsid(); time.sleep(20); os._exit(0)
    except OSError: break`,
      { processes: 24 },
    ),
  ),
  attack(
    'litter',
    python(
      `import ctypes, os, socket
libc = ctypes.CDLL(None)
for key in range(20): libc.shmget(key + 1, 65536, 0o1666), libc.semget(key + 1, 4, 0o1666)
for folder in ('/tmp', '/work', '/dev/shm'):
    for name in range(300): open(f'{folder}/{name}', 'w').write('x' * 2000)
held = [socket.socketpair() for _ in range(60)]
names = [socket.socket(socket.AF_UNIX) for _ in range(20)]
for at, each in enumerate(names): each.bind(chr(0) + str(at)); each.listen()`,
    ),
  ),
  attack('kills all', bash('kill -9 -1; trap "" TERM; kill -TERM -1; echo alive')),
  attack('mounts', bash('mount -t tmpfs x /mnt; unshare -Urmpf true; chroot / true; echo tried')),
  attack('fills the disk', bash('head -c 90M /dev/zero > a; cat a > /tmp/b', { disk_kb: 8192 })),
  attack('fills the inodes', bash('mkdir d; cd d; for i in {1..9000}; do : > $i; done')),
  attack('links', {
    ...bash('ln -s /etc/passwd a; ln -s / b; mkfifo c; ln -s a d; mkdir -p e/f; ln -s .. e/f/g'),
    artifacts: ['**', 'b/etc/passwd'],
  }),
  attack('memory in shm', bash('head -c 90M /dev/zero > /dev/shm/x', { memory_kb: 32_768 })),
  attack('stops itself', bash('kill -STOP $$; echo no', { wall_time_ms: 60 })),
  attack('closes all', bash('exec <&- >&- 2>&-; sleep 0.01; exit 7')),
  attack('looks around', bash('cat /proc/1/environ /proc/*/mem; ls -R /proc/1/; ls /sys /root')),
  attack('spins', bash('while :; do :; done', { cpu_time_ms: 40, wall_time_ms: 2000 })),
];
