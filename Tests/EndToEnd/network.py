# SPDX-License-Identifier: Apache-2.0
"""What network tests share: a Linux guest with Ethernet drivers, and servers on the host's loopback."""
import contextlib
import functools
import hashlib
import http.server
import random
import socket
import threading

from linux import APPEND, BusyboxShell, Shell, medium
from migration import migrated


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def guest_options(*network, append=APPEND + ' quiet', memory='256'):
    """The initramfs with Ethernet drivers, on `network`."""
    return ('-m', memory, '-no-reboot', '-kernel', medium('amd64', 'vmlinuz'), '-initrd', medium('amd64', 'network.gz'),
            '-append', append, *network)


def boot_linux(start, arguments, driver='e1000'):
    """Boots it and loads the adapter's driver."""
    machine = start(*arguments)
    shell = BusyboxShell(machine)
    shell.run(f'modprobe {driver}')
    shell.run('ip link set lo up')
    return machine, shell


def start_linux(start, *network, driver='e1000', **options):
    return boot_linux(start, guest_options(*network, **options), driver)


def lease(shell, interface='eth0'):
    """Asks DHCP; returns what came: address, router and name server."""
    shell.run(f'ip link set {interface} up')
    text = shell.run(f'udhcpc -i {interface} -n -q -t 8 -T 2 -s /etc/udhcpc.script 2>/dev/null', timeout=120)
    words = text.split()
    return words[words.index('lease') + 1], words[words.index('router') + 1], words[words.index('dns') + 1]


def contents(byte_count, seed=1):
    source, piece = random.Random(seed), 1 << 20
    return b''.join(source.randbytes(min(piece, byte_count - done)) for done in range(0, byte_count, piece))


def digest(data):
    return hashlib.sha256(data).hexdigest()


@contextlib.contextmanager
def web_server(folder):
    """Serves a folder over HTTP on loopback; gives the port."""
    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def move_with_its_network(start, tmp_path, arguments, machine, shell):
    """Saves a machine that has an address, and has it ping from another process."""
    lease(shell)
    shell.run('ping -c 1 -W 10 10.0.2.2')
    shell.wait_prompt()
    assert migrated(machine, f'file:{tmp_path}/state')['status'] == 'completed'
    machine.qmp.command('quit')
    again = start(*arguments, '-incoming', f'file:{tmp_path}/state')
    shell = Shell(again, shell.prompt)
    shell.send('')
    assert '0% packet loss' in shell.run('ping -c 3 -W 10 10.0.2.2')
