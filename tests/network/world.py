"""A host, an internet and a launcher, all in namespaces of the test's own.

Two network namespaces, joined by a veth pair: the host's, where the launcher lives, and the
internet's, where a name server and services answer at public-looking addresses, and at private and
metadata ones too, so that a refusal is never just nobody being there. Every service notes at which
of its addresses it was reached.

Started as process 1 of new namespaces (unshare(1)); tells that it is ready by a line of JSON, then
answers each line of its input by another, and ends with its input.
"""

import ctypes
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

PLAN = json.loads(sys.argv[1])
FOLDER = PLAN['folder']
NEW_NETWORK = 0x40000000
START_SECONDS_MAX = 15
HOST, GATE = '10.9.0.2', '10.9.0.1'
HOST6, GATE6 = 'fd00:9::2', 'fd00:9::1'
OWN, OWN_ROUTED = '93.184.216.99', '93.184.217.5'
DNS = '93.184.216.53'
PUBLIC, PUBLIC6 = '93.184.216.34', '2606:2800:220:1::34'
INTERNET = [
    DNS,
    PUBLIC,
    '169.254.169.254',
    '100.100.100.200',
    '192.168.7.7',
    '168.63.129.16',
    PUBLIC6,
    'fd00:ec2::254',
    '64:ff9b::a09:1',
    '2002:a09:1::1',
]
ECHO, TLS, ENDLESS, DISCARD = 7, 443, 19, 9

A, CNAME, AAAA = 1, 5, 28
NAMES = {
    'api.example.com': [(A, PUBLIC)],
    'other.example.com': [(A, PUBLIC)],
    'chain.example.com': [(CNAME, 'cdn.example.net'), (CNAME, 'edge.example.org')],
    'edge.example.org': [(A, PUBLIC)],
    'six.example.com': [(AAAA, PUBLIC6)],
    'large.example.com': [(A, PUBLIC)],
    'mixed.example.com': [(A, GATE), (A, PUBLIC)],
    'closed.example.com': [(A, PUBLIC)],
    'private.example.com': [(A, GATE)],
    'private2.example.com': [(A, '192.168.7.7')],
    'loopback.example.com': [(A, '127.0.0.1')],
    'unspecified.example.com': [(A, '0.0.0.0')],
    'metadata.example.com': [(A, '169.254.169.254')],
    'metadata2.example.com': [(A, '100.100.100.200')],
    'metadata3.example.com': [(A, '168.63.129.16')],
    'metadata6.example.com': [(AAAA, 'fd00:ec2::254')],
    'mapped.example.com': [(AAAA, '::ffff:10.9.0.1')],
    'translated.example.com': [(AAAA, '64:ff9b::a09:1')],
    'relayed.example.com': [(AAAA, '2002:a09:1::1')],
    'own.example.com': [(A, OWN)],
    'routed.example.com': [(A, OWN_ROUTED)],
    'own-private.example.com': [(A, HOST)],
}
reached = []
asked = []
lock = threading.Lock()


def ip(*words):
    subprocess.run(['ip', *words], check=True)


# The name server.


def encoded(name):
    return b''.join(bytes([len(label)]) + label.encode() for label in name.split('.')) + b'\0'


def records(name, kind):
    """What the zone says of a name; `rebind` changes its mind after the first answer."""
    if name == 'rebind.example.com':
        with lock:
            times = asked.count((name, kind))
        return [(A, PUBLIC if times <= 1 else GATE)]
    return NAMES.get(name)


def answer(query, is_udp):
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode())
        at += 1 + query[at]
    name = '.'.join(labels)
    kind = struct.unpack('>H', query[at + 1 : at + 3])[0]
    question = query[12 : at + 5]
    with lock:
        asked.append((name, kind))
    known = records(name, kind)
    if name == 'silent.example.com':
        return None
    if is_udp and name == 'large.example.com':
        return query[:2] + struct.pack('>5H', 0x8380, 1, 0, 0, 0) + question
    owner, body, count = encoded(name), b'', 0
    for what, value in known or []:
        if what == CNAME:
            data = encoded(value)
        elif what == kind:
            data = socket.inet_pton(socket.AF_INET if what == A else socket.AF_INET6, value)
        else:
            continue
        body += owner + struct.pack('>HHIH', what, 1, 1, len(data)) + data
        owner = data if what == CNAME else owner
        count += 1
    flags = 0x8180 if known is not None else 0x8183
    return query[:2] + struct.pack('>5H', flags, 1, count, 0, 0) + question + body


def serve_names(udp):
    while True:
        query, client = udp.recvfrom(512)
        told = answer(query, True)
        if told is not None:
            udp.sendto(told, client)


def serve_names_by_tcp(connection):
    length = struct.unpack('>H', connection.recv(2))[0]
    told = answer(connection.recv(length), False)
    connection.sendall(struct.pack('>H', len(told)) + told)


# Services.


def echo(connection):
    while data := connection.recv(65536):
        connection.sendall(data)


def tls_echo(connection):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f'{FOLDER}/cert.pem', f'{FOLDER}/key.pem')
    with context.wrap_socket(connection, server_side=True) as secure:
        while data := secure.recv(65536):
            secure.sendall(b'over TLS: ' + data)


def endless(connection):
    while True:
        connection.sendall(bytes(65536))


def discard(connection):
    while connection.recv(65536):
        pass


def serve(listener, place, work):
    while True:
        connection, _ = listener.accept()
        entry = {'place': place, 'address': connection.getsockname()[0], 'ended': None}
        with lock:
            reached.append(entry)
        threading.Thread(target=converse, args=(connection, entry, work), daemon=True).start()


def converse(connection, entry, work):
    with connection:
        try:
            work(connection)
            entry['ended'] = 'end'
        except OSError as error:
            entry['ended'] = type(error).__name__


def open_services(place):
    for port, work in ((ECHO, echo), (TLS, tls_echo), (ENDLESS, endless), (DISCARD, discard)):
        listener = socket.create_server(('::', port), family=socket.AF_INET6, dualstack_ipv6=True)
        threading.Thread(target=serve, args=(listener, place, work), daemon=True).start()


def be_the_internet(said, heard):
    """The other side of the wire: a process of its own, in a network of its own."""
    ctypes.CDLL(None, use_errno=True).unshare(NEW_NETWORK)
    os.write(said, b'namespace\n')
    os.read(heard, 1)
    ip('link', 'set', 'lo', 'up')
    ip('link', 'set', 'out0', 'up')
    ip('addr', 'add', f'{GATE}/24', 'dev', 'out0')
    ip('addr', 'add', f'{GATE6}/64', 'dev', 'out0', 'nodad')
    for address in INTERNET:
        ip('addr', 'add', f'{address}/{128 if ":" in address else 32}', 'dev', 'lo')
    ip('route', 'add', 'default', 'via', HOST)
    ip('-6', 'route', 'add', 'default', 'via', HOST6)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((DNS, 53))
    threading.Thread(target=serve_names, args=(udp,), daemon=True).start()
    tcp = socket.create_server((DNS, 53))
    threading.Thread(target=serve, args=(tcp, 'names', serve_names_by_tcp), daemon=True).start()
    open_services('internet')
    os.write(said, b'ready\n')
    while os.read(heard, 1):
        with lock:
            os.write(said, json.dumps({'reached': reached, 'asked': asked}).encode() + b'\n')


# The host.


def make_internet():
    parent_reads, child_says = os.pipe()
    child_hears, parent_tells = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(parent_tells)
        be_the_internet(child_says, child_hears)
        os._exit(0)
    os.close(child_says)
    told = os.fdopen(parent_reads)
    told.readline()
    ip('link', 'set', 'lo', 'up')
    ip('link', 'add', 'host0', 'type', 'veth', 'peer', 'name', 'out0', 'netns', str(child))
    ip('link', 'set', 'host0', 'up')
    ip('addr', 'add', f'{HOST}/24', 'dev', 'host0')
    ip('addr', 'add', f'{OWN}/32', 'dev', 'host0')
    ip('addr', 'add', f'{HOST6}/64', 'dev', 'host0', 'nodad')
    ip('route', 'add', 'default', 'via', GATE)
    ip('-6', 'route', 'add', 'default', 'via', GATE6)
    ip('route', 'add', 'local', '93.184.217.0/24', 'dev', 'lo')
    os.write(parent_tells, b'.')
    told.readline()
    return child, told, parent_tells


def replace(path, text):
    """A file of the host's, as this mount namespace alone sees it."""
    mine = f'{FOLDER}/{os.path.basename(path)}'
    with open(mine, 'w') as file:
        file.write(text)
    subprocess.run(['mount', '--bind', mine, path], check=True)


def start_launcher():
    launcher = subprocess.Popen(PLAN['command'], stdin=subprocess.DEVNULL)
    deadline = time.monotonic() + START_SECONDS_MAX
    while not os.path.exists(PLAN['socket']):
        if launcher.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f'the launcher did not start: {launcher.returncode}')
        time.sleep(0.005)
    return launcher


def can_reach(name, port):
    """Whether the host itself gets through, as a program without a sandbox would."""
    try:
        with socket.create_connection((name, port), timeout=5) as connection:
            connection.sendall(b'x')
            return connection.recv(1) == b'x'
    except OSError as error:
        return f'{type(error).__name__}: {error}'


def facts_of(pid):
    """None where it ended while it was looked at."""
    try:
        with open(f'/proc/{pid}/status') as file:
            status = dict(line.rstrip('\n').split(':\t', 1) for line in file if ':\t' in line)
        root, environment = os.listdir(f'/proc/{pid}/root'), open(f'/proc/{pid}/environ').read()
    except OSError:
        return None
    names = ['Name', 'Uid', 'Gid', 'Groups', 'CapEff', 'CapPrm', 'CapInh', 'CapBnd', 'CapAmb']
    names += ['NoNewPrivs', 'Seccomp']
    facts = {name: status[name].strip() for name in names}
    return {**facts, 'root': root, 'environment': environment}


def egress_processes():
    found = []
    for name in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{name}/stat') as file:
                words = file.read().split()
            if words[1] == '(gozo-egress)' and words[2] != 'Z':
                found.append(int(name))
        except OSError:
            pass  # It ended since the folder was read.
    return found


def left(launcher):
    """What is on the host because of sandboxes with a network."""
    base = f'/proc/{launcher.pid}/root/mnt'
    return {
        'egress': len(egress_processes()),
        'hosts': [name for name in os.listdir(base) if name.startswith('hosts-')],
        'descriptors': len(os.listdir(f'/proc/{launcher.pid}/fd')),
    }


def main():
    child, told, tell = make_internet()
    open_services('host')
    replace('/etc/resolv.conf', f'nameserver {DNS}\n')
    replace('/etc/hosts', '127.0.0.1 localhost\n')
    launcher = start_launcher()
    print(json.dumps({'ready': True}), flush=True)
    for line in sys.stdin:
        word, *more = line.split()
        if word == 'seen':
            os.write(tell, b'?')
            internet = json.loads(told.readline())
            with lock:
                reply = {**internet, 'reached': internet['reached'] + reached}
        elif word == 'reach':
            reply = can_reach(more[0], int(more[1]))
        elif word == 'egress':
            reply = [facts for facts in map(facts_of, egress_processes()) if facts is not None]
        elif word == 'kill-egress':
            pids = egress_processes()
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            reply = len(pids)
        elif word == 'kill-launcher':
            launcher.kill()
            launcher.wait()
            reply = True
        elif word == 'start-launcher':
            launcher = start_launcher()
            reply = True
        else:
            reply = left(launcher)
        print(json.dumps(reply), flush=True)
    launcher.terminate()
    launcher.wait(10)
    os.kill(child, signal.SIGKILL)


main()
