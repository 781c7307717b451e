# SPDX-License-Identifier: Apache-2.0
"""What real clients start and send, replayed: their option spellings, their bytes on QMP, what they match in the answers.

Each test is named after the program whose source it follows; guests and disks are ours.
"""
import json
import os
import random
import re
import socket
import subprocess

import pytest
import vm


@pytest.fixture
def launch():
    """Starts the emulator as a client does, pipes on all three streams."""
    processes = []

    def popen(*arguments, **options):
        options = {'stdin': subprocess.PIPE, 'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE} | options
        processes.append(subprocess.Popen([vm.emulator(), *map(str, arguments)], **options))
        return processes[-1]
    yield popen
    for process in processes:
        process.kill()
        process.wait()
        for file in (process.stdin, process.stdout, process.stderr):
            if file is not None:
                file.close()


def disk(name):
    return f'file={vm.image(name + ".img")},format=raw,if=ide,index=0,media=disk,snapshot=on'


def listen(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    listener.settimeout(20)
    return listener


@pytest.mark.parametrize('seed', range(5))
def test_packer_gives_its_options_in_any_order(launch, tmp_path, seed):
    options = [['-name', 'packer-vm'], ['-m', '64M'], ['-machine', 'type=pc,accel=tcg'], ['-smp', '1'], ['-boot', 'once=d'],
               ['-drive', disk('power-off')], ['-drive', f'file={vm.image("isolinux.iso")},media=cdrom,index=2,format=raw'], ['-cpu', 'qemu64'],
               ['-display', 'none'], ['-net', 'none'], ['-qmp', f'unix:{tmp_path}/qmp,server,nowait']]
    random.Random(seed).shuffle(options)
    process = launch(*[word for option in options for word in option])
    qmp = vm.QMP.connect(f'{tmp_path}/qmp', negotiate=False)
    qmp.send(b'{"execute":"qmp_capabilities"}')  # go-qemu: no newline
    assert qmp.reply() == {'return': {}}
    qmp.send(b'{"execute":"send-key","arguments":{"keys":[{"type":"qcode","data":"ret"}]}}')
    assert qmp.reply() == {'return': {}}
    qmp.send(b'{"execute":"quit"}')
    assert qmp.wait_event('SHUTDOWN')
    assert process.wait(20) == 0


def test_go_qemu_reads_lines_of_64_kib(start):
    qmp = start('-S', serial=False).qmp
    for name in ('query-commands', 'query-pci', 'query-block', 'query-chardev'):
        qmp.send(json.dumps({'execute': name}).encode())
        assert len(qmp.read_line()) < 65536


def test_nixos_test_driver(launch, tmp_path):
    with listen(tmp_path / 'monitor') as monitor:
        process = launch('-name', 'machine', '-m', '64', '-drive', disk('idle'), '-monitor', f'unix:{tmp_path}/monitor', '-qmp',
                         f'unix:{tmp_path}/qmp,server=on,wait=off', '-serial', 'stdio', '-no-reboot', '-nographic', '-net', 'none')
        shell = monitor.accept()[0]
    shell.settimeout(20)

    def until_prompt():
        data = b''
        while not data.endswith(b'(qemu) '):
            data += shell.recv(1024)
        return data
    until_prompt()
    while b'GUEST idle' not in process.stdout.readline():
        pass
    shell.sendall(f'screendump {tmp_path}/shot.ppm\n'.encode())
    until_prompt()
    assert vm.Screen.read_ppm(tmp_path / 'shot.ppm').width == 720
    shell.sendall(b'sendkey ctrl-alt-delete\n')
    until_prompt()
    qmp = vm.QMP.connect(f'{tmp_path}/qmp', negotiate=False)
    qmp.send(b'{"execute":"qmp_capabilities"}\n')
    assert json.loads(qmp.read_line()) == {'return': {}}
    shell.sendall(b'quit\n')
    assert process.wait(20) == 0


def test_openembedded_runs_two_monitors_and_dials_its_serial_logger(launch, tmp_path):
    with socket.create_server(('127.0.0.1', 0)) as logger:
        logger.settimeout(20)
        process = launch('-m', '64', '-drive', disk('power-off'), '-nic', 'none', '-display', 'none', '-S', '-pidfile', f'{tmp_path}/pid', '-qmp',
                         f'unix:{tmp_path}/.a,server,wait', '-qmp', f'unix:{tmp_path}/.b,server,nowait', '-serial',
                         f'tcp:127.0.0.1:{logger.getsockname()[1]},nodelay=on')
        first = vm.QMP.connect(f'{tmp_path}/.a')
        serial = vm.Serial(logger.accept()[0])
    second = vm.QMP.connect(f'{tmp_path}/.b')
    assert first.command('query-status')['status'] == 'prelaunch'
    second.command('cont')
    serial.wait('GUEST power-off\r\n')
    assert first.wait_event('SHUTDOWN') and second.wait_event('SHUTDOWN')
    assert process.wait(20) == 0
    serial.close()


def test_multipass_talks_qmp_on_stdio(launch):
    process = launch('-drive', disk('idle'), '-m', '64M', '-qmp', 'stdio', '-chardev', 'null,id=char0', '-serial', 'chardev:char0', '-nographic',
                     '-nic', 'none')
    out = process.stdout
    assert 'QMP' in json.loads(out.readline())
    process.stdin.write(b'{"execute":"qmp_capabilities"}')
    process.stdin.flush()
    assert json.loads(out.readline()) == {'return': {}}
    process.stdin.write(b'{"execute":"system_powerdown"}{"execute":"stop"}{"execute":"cont"}{"execute":"quit"}')
    process.stdin.flush()
    seen = [json.loads(out.readline()) for _ in range(8)]
    assert [m.get('event', 'return') for m in seen] == ['POWERDOWN', 'return', 'STOP', 'return', 'RESUME', 'return', 'SHUTDOWN', 'return']
    assert process.wait(20) == 0 and process.stderr.read() == b''


def test_virtme_ng_puts_the_console_on_a_descriptor(launch):
    reader, writer = os.pipe()
    process = launch('-m', '64M', '-machine', 'accel=kvm:tcg', '-drive', disk('power-off'), '-display', 'none', '-serial', 'chardev:console', '-chardev',
                     f'file,id=console,path=/proc/self/fd/{writer}', '-vga', 'none', '-parallel', 'none', '-net', 'none', '-no-reboot',
                     '-monitor', 'none', pass_fds=[writer])
    os.close(writer)
    with os.fdopen(reader, 'rb') as console:
        assert console.read() == b'GUEST power-off\r\n'
    assert process.wait(20) == 0 and process.stdout.read() == b''


def test_rust_osdev_reads_the_verdict_from_the_exit_status(run):
    done = run('-drive', f'format=raw,file={vm.image("debug-exit.img")},snapshot=on', '-device', 'isa-debug-exit,iobase=0xf4,iosize=0x04', '-serial',
               'stdio', '-display', 'none', '-no-reboot', '--no-shutdown', '-nic', 'none')
    assert (done.returncode, done.stdout, done.stderr) == (33, b'GUEST debug-exit\r\n', b'')


def test_qemu_machine_passes_a_connected_socket(launch):
    ours, theirs = socket.socketpair()
    with theirs:
        process = launch('-display', 'none', '-vga', 'none', '-nic', 'none', '-chardev', f'socket,id=mon,fd={theirs.fileno()}', '-mon',
                         'chardev=mon,mode=control', pass_fds=[theirs.fileno()])
    qmp = vm.QMP(ours)
    assert qmp.command('query-status')['running']
    qmp.command('quit')
    assert process.wait(20) == 0
    qmp.close()


def test_mkosi_names_its_monitor_only_by_its_chardev(launch, tmp_path):
    process = launch('-display', 'none', '-nic', 'none', '-chardev', f'socket,id=hmp,path={tmp_path}/hmp,server=on,wait=off', '-mon', 'hmp')
    connection = vm.connect_unix(f'{tmp_path}/hmp')
    connection.settimeout(20)
    data = b''
    while not data.endswith(b'(qemu) '):
        data += connection.recv(1024)
    connection.sendall(b'quit\n')
    assert process.wait(20) == 0
    connection.close()


def test_lima_keeps_the_serial_log_beside_the_socket(launch, tmp_path):
    version = subprocess.run([vm.emulator(), '--version'], capture_output=True, text=True).stdout
    assert re.match(r'^QEMU emulator version ([\d.]+)', version)
    process = launch('-m', '64', '-cpu', 'qemu64', '-machine', 'pc,accel=tcg', '-smp', '1,sockets=1,cores=1,threads=1', '-boot', 'order=c,splash-time=0,menu=on',
                     '-drive', disk('power-off'), '-nic', 'none', '-display', 'none', '-vga', 'none', '-parallel', 'none', '-chardev',
                     f'socket,id=char-serial,path={tmp_path}/serial.sock,server=on,wait=off,logfile={tmp_path}/serial.log', '-serial',
                     'chardev:char-serial', '-chardev', f'socket,id=char-qmp,path={tmp_path}/qmp.sock,server=on,wait=off', '-qmp', 'chardev:char-qmp',
                     '-name', 'lima-test', '-pidfile', tmp_path / 'pid')
    assert process.wait(30) == 0
    assert (tmp_path / 'serial.log').read_bytes() == b'GUEST power-off\r\n'


def test_syzkaller_reads_qmp_as_a_json_stream(launch, tmp_path):
    launch('-m', '64', '-smp', '1', '-chardev', f'socket,id=SOCKSYZ,server=on,wait=off,path={tmp_path}/s', '-mon', 'chardev=SOCKSYZ,mode=control',
           '-display', 'none', '-serial', 'stdio', '-no-reboot', '-name', 'VM-0', '-nic', 'none', '-drive', disk('idle'))
    qmp = vm.QMP.connect(f'{tmp_path}/s')
    assert re.search(r'[ER][AI][XP]=', qmp.hmp('info registers'))
    assert qmp.hmp('nosuch thing').startswith('unknown command:')
