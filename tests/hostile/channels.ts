/**
 * Objects by which two sandboxes could meet. `send` leaves something behind the word TOKEN, or
 * takes all that there is; `seen` is true where the other side notices: it finds the token, or is
 * refused its own share. Within one sandbox it has to notice (else the row says nothing), between
 * two it must not.
 */
export interface Channel {
  readonly name: string;
  readonly send: string;
  readonly seen: string;
  /** Known to be open between sandboxes (SECURITY.md says so); the test fails when it closes. */
  readonly isOpen?: true;
}

/** But for the one that asks, which knows the token itself. */
const EVERY_PROCESS = "[n for n in os.listdir('/proc') if n.isdigit() and n != str(os.getpid())]";

export const CHANNELS: readonly Channel[] = [
  {
    name: 'the command lines in /proc',
    send: "subprocess.Popen(['/usr/bin/sleep', '6', TOKEN], stderr=subprocess.DEVNULL)",
    seen: `any(TOKEN in read(f'/proc/{n}/cmdline') for n in ${EVERY_PROCESS})`,
  },
  {
    name: 'the environments in /proc',
    send: "begun(subprocess.Popen(['/usr/bin/sleep', '6'], env={'WORD': TOKEN}))",
    seen: `any(TOKEN in read(f'/proc/{n}/environ') for n in ${EVERY_PROCESS})`,
  },
  {
    name: 'the open files in /proc',
    send: 'keep.append(os.memfd_create(TOKEN))',
    seen: `any(TOKEN in link for n in ${EVERY_PROCESS} for link in links(f'/proc/{n}/fd'))`,
  },
  {
    name: 'files in /tmp',
    send: "open('/tmp/' + TOKEN, 'w').close()",
    seen: "os.path.exists('/tmp/' + TOKEN)",
  },
  {
    name: 'files in /dev/shm',
    send: "open('/dev/shm/' + TOKEN, 'w').close()",
    seen: "os.path.exists('/dev/shm/' + TOKEN)",
  },
  {
    name: 'files in /work',
    send: "open('/work/' + TOKEN, 'w').close()",
    seen: "os.path.exists('/work/' + TOKEN)",
  },
  {
    name: 'abstract sockets',
    send: "listen(socket.AF_UNIX, '\\0' + TOKEN)",
    seen: "connects(socket.AF_UNIX, '\\0' + TOKEN)",
  },
  {
    name: 'the list of unix sockets',
    send: "listen(socket.AF_UNIX, '\\0' + TOKEN)",
    seen: "TOKEN in read('/proc/net/unix')",
  },
  {
    name: 'ports on loopback',
    send: "listen(socket.AF_INET, ('127.0.0.1', PORT))",
    seen: "connects(socket.AF_INET, ('127.0.0.1', PORT))",
  },
  {
    name: 'the use of a port',
    send: "listen(socket.AF_INET, ('127.0.0.1', PORT))",
    seen: "fails(lambda: listen(socket.AF_INET, ('127.0.0.1', PORT)))",
  },
  {
    name: 'ports on loopback, IPv6',
    send: "listen(socket.AF_INET6, ('::1', PORT))",
    seen: "connects(socket.AF_INET6, ('::1', PORT))",
  },
  {
    name: 'System V shared memory',
    send: 'libc.shmget(PORT, 4096, 0o1666)',
    seen: 'libc.shmget(PORT, 0, 0) >= 0',
  },
  {
    name: 'System V message queues',
    send: 'libc.msgget(PORT, 0o1666)',
    seen: 'libc.msgget(PORT, 0) >= 0',
  },
  {
    name: 'System V semaphores',
    send: 'libc.semget(PORT, 1, 0o1666)',
    seen: 'libc.semget(PORT, 0, 0) >= 0',
  },
  {
    name: 'the list of System V objects',
    send: 'libc.shmget(PORT, 4096, 0o1666)',
    seen: "str(PORT) in read('/proc/sysvipc/shm')",
  },
  {
    name: 'signals to everybody',
    send: 'signal.signal(signal.SIGURG, signal.SIG_IGN)',
    seen: 'signals_somebody()',
  },
  {
    name: 'the numbers of processes',
    send: 'take_numbers()',
    seen: `len(${EVERY_PROCESS}) > 12`,
  },
  {
    name: 'places for processes',
    send: 'exhaust(fork_sleeper)',
    seen: 'fails(fork_sleeper)',
  },
  {
    name: 'space in /tmp',
    send: "exhaust(lambda: append('/tmp/full'))",
    seen: "fails(lambda: append('/tmp/own'))",
  },
  {
    name: 'space in /dev/shm',
    send: "exhaust(lambda: append('/dev/shm/full'))",
    seen: "fails(lambda: append('/dev/shm/own'))",
  },
  {
    name: 'inodes of /tmp',
    send: "exhaust(lambda: os.close(os.open(f'/tmp/{next(numbers)}', os.O_CREAT)), 20_000)",
    seen: "fails(lambda: open('/tmp/own', 'w').close())",
  },
  {
    name: 'descriptors in flight, counted by user',
    send: 'exhaust(send_descriptors)',
    seen: 'fails(send_descriptors)',
  },
  {
    name: 'queued signals, counted by user',
    send: 'queue_signals()',
    seen: 'fails(queue_one)',
  },
  {
    name: 'locks on a file of its own',
    send: "lock('/tmp/lock', os.O_CREAT | os.O_RDWR)",
    seen: "fails(lambda: lock('/tmp/lock', os.O_CREAT | os.O_RDWR))",
  },
  {
    name: 'locks on a file of the toolchain',
    send: "lock('/usr/bin/env', os.O_RDONLY)",
    seen: "fails(lambda: lock('/usr/bin/env', os.O_RDONLY))",
    isOpen: true,
  },
];

/** What the rows use; each side of a row is appended to it. */
export const PRELUDE = `
import ctypes, fcntl, itertools, os, signal, socket, subprocess, sys, time
TOKEN, PORT = sys.argv[1], int(sys.argv[2])
libc = ctypes.CDLL(None, use_errno=True)
keep = []
numbers = itertools.count()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])

def read(path):
    try:
        with open(path, errors='replace') as file:
            return file.read()
    except OSError:
        return ''

# What was just executed has no arguments and environment in /proc for a moment.
def begun(process):
    while 'sleep' not in read(f'/proc/{process.pid}/cmdline'):
        time.sleep(0.01)

def links(folder):
    try:
        return [os.readlink(f'{folder}/{name}') for name in os.listdir(folder)]
    except OSError:
        return []

def fails(work):
    try:
        work()
        return False
    except OSError:
        return True

def exhaust(work, most=4000):
    for _ in range(most):
        if fails(work):
            return
    raise SystemExit('there is no end of it')

def listen(family, address):
    server = socket.socket(family)
    keep.append(server)
    server.bind(address)
    server.listen()

def connects(family, address):
    return not fails(lambda: socket.socket(family).connect(address))

def fork_sleeper():
    if os.fork() == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        time.sleep(6)
        os._exit(0)

def take_numbers():
    for _ in range(12):
        fork_sleeper()

def append(path):
    handle = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    try:
        if os.write(handle, bytes(65536)) < 65536:
            raise OSError('full')
    finally:
        os.close(handle)

def send_descriptors():
    if not keep:
        keep.extend(socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM))
        keep[0].setblocking(False)
    socket.send_fds(keep[0], [b'x'], [1] * 16)

def queue_one():
    if libc.sigqueue(os.getpid(), signal.SIGRTMIN, ctypes.c_void_p(0)) != 0:
        raise OSError(ctypes.get_errno(), 'sigqueue')

def queue_signals():
    exhaust(queue_one)

def lock(path, flags):
    handle = os.open(path, flags)
    keep.append(handle)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

def signals_somebody():
    struck = 0
    for process in range(2, 3000):
        if process != os.getpid():
            struck += not fails(lambda: os.kill(process, signal.SIGURG))
    return struck > 0
`;
