# SPDX-License-Identifier: Apache-2.0
"""The serial port and the monitors on every kind of character device, in the spellings that clients use."""
import os
import re
import socket
import subprocess
import time

import pytest
import vm

LINE = b'GUEST power-off\r\n'


def drive(name):
    return ('-nic', 'none', '-m', '32', '-drive', f'file={vm.image(name + ".img")},format=raw,snapshot=on')


POWER_OFF = (*drive('power-off'), '-display', 'none')


@pytest.mark.parametrize('arguments', [
    '-serial stdio', '-serial mon:stdio', '-chardev stdio,id=s -serial chardev:s', '-chardev stdio,id=s,signal=off -serial chardev:s',
    '-chardev stdio,id=s,mux=on,signal=off -serial chardev:s -mon chardev=s', '-serial chardev:s -chardev stdio,id=s -monitor none'])
def test_stdout_carries_only_the_guest(run, arguments):
    done = run(*POWER_OFF, *arguments.split(' '))
    assert (done.returncode, done.stdout, done.stderr) == (0, LINE, b'')


def test_nographic_routes_serial_and_monitor_to_stdio(run):
    done = run(*drive('power-off'), '-nographic')
    assert done.returncode == 0 and done.stderr == b''
    assert LINE in done.stdout


def test_stderr_by_path(run):
    done = run(*POWER_OFF, '-chardev', 'file,id=s,path=/proc/self/fd/2', '-serial', 'chardev:s')  # virtme-ng
    assert done.returncode == 0 and LINE in done.stderr and done.stdout == b''


@pytest.mark.parametrize('arguments', ['-serial file:PATH', '-chardev file,id=s,path=PATH -serial chardev:s',
                                       '-chardev null,id=s,logfile=PATH -serial chardev:s'])
def test_files_are_written_anew(run, tmp_path, arguments):
    for _ in range(2):
        assert run(*POWER_OFF, *arguments.replace('PATH', f'{tmp_path}/log').split(' ')).returncode == 0
        assert (tmp_path / 'log').read_bytes() == LINE


@pytest.mark.parametrize('arguments', ['-chardev file,id=s,path=PATH,append=on -serial chardev:s',
                                       '-chardev null,id=s,logfile=PATH,logappend=on -serial chardev:s'])
def test_files_are_continued(run, tmp_path, arguments):
    for count in (1, 2):
        assert run(*POWER_OFF, *arguments.replace('PATH', f'{tmp_path}/log').split(' ')).returncode == 0
        assert (tmp_path / 'log').read_bytes() == LINE * count


@pytest.mark.parametrize('spelling', ['unix:PATH', 'unix:PATH,server=off'])
def test_unix_client_with_input(start, tmp_path, spelling):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f'{tmp_path}/s')
        listener.listen()
        listener.settimeout(20)
        start(*drive('serial-echo'), '-serial', spelling.replace('PATH', f'{tmp_path}/s'), serial=False)
        serial = vm.Serial(listener.accept()[0])
    converse(serial)


@pytest.mark.parametrize('spelling', ['unix:PATH,server,nowait', 'unix:PATH,server=on,wait=off'])
def test_unix_server_with_input(start, tmp_path, spelling):
    start(*drive('serial-echo'), '-serial', spelling.replace('PATH', f'{tmp_path}/s'), serial=False)
    connection = vm.connect_unix(f'{tmp_path}/s')
    converse(vm.Serial(connection), greeted=False)


def converse(serial, greeted=True):
    if greeted:
        serial.wait('GUEST serial-echo\r\n')
    else:
        time.sleep(2)
    serial.send(b'hello, guest')
    serial.wait(b'HELLO, GUEST')
    text = bytes(range(ord('a'), ord('z') + 1)) * 20
    serial.send(text)
    serial.wait(text.upper())


@pytest.mark.parametrize('suffix', ['', ',nodelay=on'])
def test_tcp_client(start, suffix):
    with socket.create_server(('127.0.0.1', 0)) as listener:
        listener.settimeout(20)
        start(*drive('serial-echo'), '-serial', f'tcp:127.0.0.1:{listener.getsockname()[1]}{suffix}', serial=False)
        converse(vm.Serial(listener.accept()[0]))


def test_telnet_server_negotiates(start):
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    start(*drive('serial-echo'), '-serial', f'telnet:127.0.0.1:{port},server,nowait', serial=False)
    serial = vm.Serial(socket.create_connection(('127.0.0.1', port)))
    serial.wait(b'\xff\xfb\x01')  # IAC WILL ECHO
    converse(serial, greeted=False)


def test_pty(tmp_path):
    process = subprocess.Popen([vm.emulator(), *drive('serial-echo'), '-display', 'none', '-serial', 'pty'],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        line = process.stdout.readline().decode()
        path = re.fullmatch(r'char device redirected to (/dev/pts/\d+) \(label serial0\)\n', line)[1]
        terminal = os.open(path, os.O_RDWR | os.O_NOCTTY)
        import tty
        tty.setraw(terminal)
        time.sleep(2)
        os.write(terminal, b'over a terminal')
        data, deadline = b'', time.monotonic() + 10
        while b'OVER A TERMINAL' not in data and time.monotonic() < deadline:
            data += os.read(terminal, 100)
        os.close(terminal)
        assert b'OVER A TERMINAL' in data
    finally:
        process.kill()
        process.wait()
        process.stdout.close(), process.stderr.close()


def test_the_multiplexer_switches_between_serial_and_monitor():
    process = subprocess.Popen([vm.emulator(), *drive('serial-echo'), '-display', 'none', '-serial', 'mon:stdio'],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def read_to(text):
        data = b''
        while not data.endswith(text):
            byte = process.stdout.read(1)
            assert byte, data
            data += byte
        return data

    def write(data):
        process.stdin.write(data)
        process.stdin.flush()
    try:
        read_to(b'GUEST serial-echo\r\n')
        write(b'abc')
        read_to(b'ABC')
        write(b'\x01c')  # ctrl-a c: to the monitor
        assert b'monitor - type' in read_to(b'(qemu) ')
        write(b'info status\n')
        assert b'VM status: running' in read_to(b'(qemu) ')
        write(b'\x01c')
        write(b'xyz')
        read_to(b'XYZ')
        write(b'\x01x')  # ctrl-a x: the end
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
        for file in (process.stdin, process.stdout, process.stderr):
            file.close()


def test_qmp_on_stdio():
    process = subprocess.Popen([vm.emulator(), '-display', 'none', '-nic', 'none', '-S', '-qmp', 'stdio'],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(b'{"execute":"qmp_capabilities"}{"execute":"query-status"}{"execute":"quit"}', timeout=20)
    lines = out.split(b'\r\n')
    assert process.returncode == 0 and err == b''
    assert b'"QMP"' in lines[0] and lines[1] == b'{"return": {}}' and b'prelaunch' in lines[2]


def test_a_serial_client_may_leave_and_come_back(start, tmp_path):
    start(*drive('serial-echo'), '-serial', f'unix:{tmp_path}/s,server=on,wait=off', serial=False)
    for _ in range(3):
        connection = vm.connect_unix(f'{tmp_path}/s')
        serial = vm.Serial(connection)
        converse(serial, greeted=False)
        serial.close()
