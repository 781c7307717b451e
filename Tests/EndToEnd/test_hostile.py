# SPDX-License-Identifier: Apache-2.0
"""Clients that send nonsense, too much, or never read: memory stays bounded and the guest keeps its speed."""
import json
import socket
import threading
import time

import pytest
import vm

GROWTH = 8 << 20


def speed(machine, seconds=0.6):
    """Counts of the busy guest per CPU second of the thread that runs it: load of the host must not show in it."""
    first, cpu = counter(machine), thread_seconds(machine)
    time.sleep(seconds)
    return (counter(machine) - first) / max(thread_seconds(machine) - cpu, 0.01)


def thread_seconds(machine):
    with open(f'/proc/{machine.process.pid}/task/{machine.process.pid}/schedstat') as file:
        return int(file.read().split()[0]) / 1e9


def counter(machine):
    return int.from_bytes(machine.memory(0x500, 4), 'little')


class Nuisance:
    """A client on the second QMP socket that does something for as long as the test measures."""

    def __init__(self, path, body):
        self.connection = vm.connect_unix(path)
        self.connection.settimeout(10)
        self.connection.recv(65536)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(body,), daemon=True)
        self.thread.start()

    def _run(self, body):
        try:
            body(self.connection, self.stop)
        except OSError:
            pass

    def end(self):
        self.stop.set()
        self.connection.close()
        self.thread.join(10)


def drain(connection):
    connection.setblocking(False)
    try:
        while connection.recv(1 << 20):
            pass
    except BlockingIOError:
        pass
    finally:
        connection.settimeout(10)


def garbage(connection, stop):
    import random
    source = random.Random(1)
    while not stop.is_set():
        connection.sendall(source.randbytes(4096))
        drain(connection)
        time.sleep(0.02)


def brackets(connection, stop):
    for _ in range(160):
        connection.sendall(b'[' * 65536)
        drain(connection)


def long_string(connection, stop):
    connection.sendall(b'{"execute": "')
    for _ in range(160):
        connection.sendall(b'a' * 65536)
        drain(connection)


def long_number(connection, stop):
    connection.sendall(b'{"execute": ')
    for _ in range(160):
        connection.sendall(b'1' * 65536)
        drain(connection)


def never_reads(connection, stop):
    connection.sendall(b'{"execute":"qmp_capabilities"}')
    connection.settimeout(0.2)
    while not stop.is_set():
        try:
            connection.sendall(b'{"execute":"query-commands"}' * 50)
        except TimeoutError:
            pass


def long_line(connection, stop):
    connection.sendall(b'{"execute":"qmp_capabilities"}')
    request = {'execute': 'human-monitor-command', 'arguments': {'command-line': 'p ' + '(' * 100000}}
    for _ in range(20):
        connection.sendall(json.dumps(request).encode())
        drain(connection)


NUISANCES = [garbage, brackets, long_string, long_number, never_reads, long_line]


@pytest.mark.apus
@pytest.mark.parametrize('body', NUISANCES, ids=lambda body: body.__name__)
def test_a_bad_client_costs_neither_memory_nor_speed(guest, tmp_path, body):
    machine = guest('busy', '-qmp', f'unix:{tmp_path}/second,server=on,wait=off')
    speed(machine, 0.3)
    calm, resident = sorted(speed(machine) for _ in range(3))[1], machine.resident_bytes()
    nuisance = Nuisance(f'{tmp_path}/second', body)
    time.sleep(0.3)
    rates, peak = [], 0
    # A shared host has slow moments of its own; a guest that is really slowed down stays so.
    while len(rates) < 4 or (max(rates) <= 0.9 * calm and len(rates) < 15):
        rates.append(speed(machine))
        peak = max(peak, machine.resident_bytes())
    nuisance.thread.join(0 if body in (garbage, never_reads) else 10)
    peak = max(peak, machine.resident_bytes())
    nuisance.end()
    assert peak - resident < GROWTH
    assert max(rates) > 0.9 * calm
    assert machine.qmp.command('query-status')['running']
    assert vm.QMP.connect(f'{tmp_path}/second').command('query-status')['running']


def test_garbage_is_answered_and_survived(guest):
    qmp = guest('idle').qmp
    qmp.send(b'\x00\x01\x02{]}\xff\xfe\xff')
    assert qmp.reply()['error']['desc'].startswith('JSON parse error')
    qmp.send(b'\xff{"execute":"query-name","id":"end"}')
    while (message := qmp.reply()).get('id') != 'end':
        assert message['error']['class'] == 'GenericError'
    assert 'return' in message


def test_deep_nesting_is_an_error(guest):
    qmp = guest('idle').qmp
    qmp.send(b'[' * 10000)
    assert qmp.reply()['error']['desc'].startswith('JSON')
    qmp.send(b'\xff{"execute":"query-name","id":"end"}')
    while qmp.reply().get('id') != 'end':
        pass


@pytest.mark.parametrize('body', ['connect', 'half'])
def test_clients_that_come_and_go(guest, tmp_path, body):
    machine = guest('idle', '-qmp', f'unix:{tmp_path}/second,server=on,wait=off')
    resident = machine.resident_bytes()
    for _ in range(200):
        connection = vm.connect_unix(f'{tmp_path}/second')
        if body == 'half':
            connection.sendall(b'{"execute":"qmp_capabil')
        connection.close()
    assert vm.QMP.connect(f'{tmp_path}/second').command('query-status')['running']
    assert machine.resident_bytes() - resident < GROWTH


def test_a_serial_reader_that_never_reads_stops_nobody_else(start, tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f'{tmp_path}/s')
        listener.listen()
        listener.settimeout(20)
        machine = start('-m', '32', '-drive', f'file={vm.image("serial-echo.img")},format=raw,snapshot=on', '-serial', f'unix:{tmp_path}/s',
                        serial=False)
        connection = listener.accept()[0]
    data = b''
    while b'GUEST serial-echo' not in data:
        data += connection.recv(100)
    connection.settimeout(0.5)
    resident = machine.resident_bytes()
    sent = 0
    try:
        while sent < 4 << 20:
            sent += connection.send(b'x' * 4096)
    except TimeoutError:
        pass
    assert machine.qmp.command('query-status', timeout=5)['running']
    assert machine.resident_bytes() - resident < GROWTH
