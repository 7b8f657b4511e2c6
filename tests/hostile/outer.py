"""The outer world of one launcher: cgroups, namespaces and a host to attack, all of the test's own.

Started twice: by the suite (joins the cgroups, then unshares), and inside the new namespaces as
their process 1 (makes the host, runs the launcher until its input ends). What a left-out
protection lets through stops here: at 3 GiB, 600 processes, this network, this /usr.
"""

import ctypes
import json
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

MEMORY_BYTES = 3 << 30
PROCESSES = 600
# Well before others: whether a second core can be had must not depend on who else is busy.
CPU_SHARES = 65536
CPU_WEIGHT = 10000
START_SECONDS_MAX = 60
END_SECONDS_MAX = 20
HOST_SOCKET = HOST_NAME = 'gozo-lab-host'
SEGMENT_KEY = 0x60205AFE
LAB = '/usr/share/gozo-lab'
METADATA = '169.254.169.254'
LIBC = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f'{what}: {os.strerror(number)}')
    return result


def write(path, text):
    with open(path, 'w') as file:
        file.write(text)


def hierarchies():
    """(controllers, mount point) of every cgroup hierarchy; the v2 tree has the empty set."""
    for line in open('/proc/self/mountinfo'):
        left, right = line.split(' - ')
        kind, _, options = right.split()[:3]
        if kind in ('cgroup', 'cgroup2'):
            yield set(options.split(',')) if kind == 'cgroup' else set(), left.split()[4]


def join_cgroups(name):
    """Our process and all of its children live below cgroups of this name, in every hierarchy."""
    found = list(hierarchies())
    has_v1 = any('memory' in controllers for controllers, _ in found)
    for controllers, mount in found:
        wanted = controllers & {'memory', 'pids', 'cpu', 'cpuacct', 'freezer'}
        if controllers and not wanted:
            continue
        folder = f'{mount}/{name}'
        if not has_v1:
            write(f'{mount}/cgroup.subtree_control', '+memory +pids +cpu')
        os.makedirs(folder, exist_ok=True)
        if 'memory' in controllers:
            write(f'{folder}/memory.limit_in_bytes', str(MEMORY_BYTES))
        if 'pids' in controllers:
            write(f'{folder}/pids.max', str(PROCESSES))
        if 'cpu' in controllers:
            write(f'{folder}/cpu.shares', str(CPU_SHARES))
        if not has_v1:
            write(f'{folder}/memory.max', str(MEMORY_BYTES))
            write(f'{folder}/pids.max', str(PROCESSES))
            write(f'{folder}/cpu.weight', str(CPU_WEIGHT))
            folder += '/outer'  # A v2 group that has children with controllers holds no process.
            os.makedirs(folder, exist_ok=True)
        write(f'{folder}/cgroup.procs', '0')


def mount(source, target, kind, options):
    arguments = [text.encode() for text in (source, target, kind)]
    check(LIBC.mount(*arguments, 0, options.encode()), f'mount {kind} on {target}')


def make_usr(folder):
    """A /usr whose changes are ours alone, with a few things for the attacks to find."""
    os.makedirs(f'{folder}/usr', exist_ok=True)
    mount('tmpfs', f'{folder}/usr', 'tmpfs', 'size=64m')
    for name in ('upper', 'upper-work'):
        os.mkdir(f'{folder}/usr/{name}')
    layers = f'lowerdir=/usr,upperdir={folder}/usr/upper,workdir={folder}/usr/upper-work'
    mount('overlay', '/usr', 'overlay', layers)
    os.makedirs(f'{LAB}/writable')
    os.chmod(f'{LAB}/writable', 0o777)
    program = open('/usr/bin/id', 'rb').read()
    for name, group, mode in (('id-as-root', 0, 0o4755), ('id-as-shadow', 42, 0o2755)):
        with open(f'{LAB}/{name}', 'wb') as file:
            file.write(program)
        os.chown(f'{LAB}/{name}', 0, group)
        os.chmod(f'{LAB}/{name}', mode)


def answer_all(listener, secret):
    while True:
        connection, _ = listener.accept()
        connection.sendall(secret.encode())
        connection.close()


def make_host(folder, secret):
    """Services of a host that no sandbox may reach; gives the port of the one on loopback."""
    socket.sethostname(HOST_NAME)
    write(f'{folder}/host-file', secret)
    os.chmod(f'{folder}/host-file', 0o644)
    interface_up()
    add_address(METADATA)
    tcp = socket.create_server(('127.0.0.1', 0))
    metadata = socket.create_server((METADATA, 80))
    local = socket.socket(socket.AF_UNIX)
    local.bind('\0' + HOST_SOCKET)
    local.listen()
    for listener in (tcp, metadata, local):
        threading.Thread(target=answer_all, args=(listener, secret), daemon=True).start()
    ipc_create, world_readable = 0o1000, 0o444
    segment = check(LIBC.shmget(SEGMENT_KEY, 4096, ipc_create | world_readable), 'shmget')
    LIBC.shmat.restype = ctypes.c_void_p
    ctypes.memmove(LIBC.shmat(segment, None, 0), secret.encode(), len(secret))
    return tcp.getsockname()[1]


def interface_up():
    get_flags, set_flags, up = 0x8913, 0x8914, 1
    request = ctypes.create_string_buffer(struct.pack('16sh22x', b'lo', 0))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        check(LIBC.ioctl(handle.fileno(), get_flags, request), 'SIOCGIFFLAGS')
        flags = struct.unpack_from('16sh', request)[1] | up
        struct.pack_into('16sh', request, 0, b'lo', flags)
        check(LIBC.ioctl(handle.fileno(), set_flags, request), 'SIOCSIFFLAGS')


def add_address(address):
    set_address = 0x8916
    family_and_port = struct.pack('HH', socket.AF_INET, 0)
    request = struct.pack('16s4s4s8x', b'lo:1', family_and_port, socket.inet_aton(address))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        check(LIBC.ioctl(handle.fileno(), set_address, request), 'SIOCSIFADDR')


def raise_limits(has_stacks):
    """High limits, as far as this root may raise them, so that only the launcher's own hold. An
    engine's containers can't get more than it has, so it keeps the stack that it came with."""
    generous = {
        resource.RLIMIT_CORE: resource.RLIM_INFINITY,
        resource.RLIMIT_FSIZE: resource.RLIM_INFINITY,
        resource.RLIMIT_MEMLOCK: resource.RLIM_INFINITY,
        resource.RLIMIT_NOFILE: 16384,
        resource.RLIMIT_STACK: 64 << 20,
        resource.RLIMIT_MSGQUEUE: 16 << 20,
        resource.RLIMIT_SIGPENDING: 65536,
        resource.RLIMIT_NICE: 40,
        resource.RLIMIT_RTPRIO: 1,
    }
    if has_stacks:
        del generous[resource.RLIMIT_STACK]
    for limit, value in generous.items():
        try:
            resource.setrlimit(limit, (value, value))
        except ValueError:  # Without CAP_SYS_RESOURCE.
            _, hard = resource.getrlimit(limit)
            resource.setrlimit(limit, (hard, hard))


def frame(header):
    text = json.dumps(header).encode()
    return struct.pack('<II', len(text), 0) + text


def read_frame(stream):
    header, payload = struct.unpack('<II', stream.read(8))
    message = json.loads(stream.read(header))
    stream.read(payload)
    return message


def diagnosis(path, launcher):
    """Asks the launcher, once it listens, what it leaves out."""
    connection = connected(path, launcher)
    with connection, connection.makefile('rb') as stream:
        connection.sendall(frame({'type': 'hello', 'version': 1}))
        connection.sendall(frame({'type': 'diagnose'}))
        read_frame(stream)
        return read_frame(stream)


def asked(plan, server):
    """A container engine has no such diagnosis: that it answers is all that there is to know."""
    if plan.get('serves') != 'engine':
        return diagnosis(plan['socket'], server)
    connected(plan['socket'], server).close()
    return {'left_out': [], 'missing': [], 'quarantined': 0}


def connected(path, server):
    deadline = time.monotonic() + START_SECONDS_MAX
    while True:
        if server.poll() is not None:
            raise SystemExit(f'it ended with {server.returncode}')
        try:
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(path)
            return connection
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)


def inside(plan):
    folder = plan['folder']
    make_usr(folder)
    port = make_host(folder, plan['secret'])
    raise_limits(plan.get('serves') == 'engine')
    environment = {'PATH': os.environ['PATH'], 'LAUNCHER_SECRET': plan['secret']}
    launcher = subprocess.Popen(plan['command'], env=environment, stdin=subprocess.DEVNULL)
    # Orphans come to us, the namespace's process 1, and an engine makes some for each container.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    ready = {
        'diagnosis': asked(plan, launcher),
        'env': {
            'HOST_FILE': f'{folder}/host-file',
            'HOST_PORT': str(port),
            'HOST_SOCKET': HOST_SOCKET,
            'HOST_SEGMENT': str(SEGMENT_KEY),
            'HOST_NAME': HOST_NAME,
        },
    }
    print(json.dumps(ready), flush=True)
    sys.stdin.read()
    launcher.terminate()
    try:
        launcher.wait(END_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        launcher.kill()


def main():
    stage, text = sys.argv[1:]
    plan = json.loads(text)
    if stage == 'inside':
        inside(plan)
        return
    join_cgroups(plan['cgroup'])
    spaces = ['--mount', '--pid', '--net', '--ipc', '--uts', '--fork', '--kill-child']
    again = [sys.executable, '-I', __file__, 'inside', text]
    os.execv('/usr/bin/unshare', ['unshare', *spaces, '--mount-proc', *again])


main()
