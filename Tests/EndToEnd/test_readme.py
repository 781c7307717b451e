# SPDX-License-Identifier: Apache-2.0
"""Runs every example of README.md as it stands there, in a folder with the files that it names."""
import gzip
import os
import re
import select
import shutil
import subprocess
import sys

import pytest
import test_compare
import vm

README = open(os.path.join(vm.ROOT, 'README.md'), encoding='utf-8').read()
MEDIA = {'disk.img': 'power-off.img', 'cd.iso': 'grub-halt.iso', 'test.img': 'debug-exit.img',
         'server.img': 'serial-echo.img', 'vmlinuz': 'linux/amd64/vmlinuz', 'initrd.gz': 'linux/amd64/initrd.gz'}


def blocks(language):
    return re.findall(rf'^```{language}\n(.*?)^```', README, re.M | re.S)


COMMANDS = [line for block in blocks('sh') for line in block.splitlines() if line and not line.startswith('#')]


@pytest.fixture
def folder(tmp_path):
    for name, source in MEDIA.items():
        shutil.copy(vm.image(source), tmp_path / name)
    machine = os.path.join(vm.ROOT, 'Tests', 'Fixtures', 'machine-version-1.state.gz')
    (tmp_path / 'guest.state').write_bytes(gzip.open(machine).read())
    (tmp_path / 'expected.png').write_bytes(test_compare.png(test_compare.ppm()))
    (tmp_path / 'seen.png').write_bytes(test_compare.png(test_compare.ppm([(63, 0, 100)])))
    (tmp_path / 'clock.json').write_text('[{"x": 56, "y": 0, "width": 8, "height": 8}]')
    (tmp_path / 'boot.shot').write_text(''.join(blocks('shot')))
    (tmp_path / 'either.shot').write_text(''.join(blocks('either')))
    (tmp_path / 'bin').mkdir()
    program = shutil.which(vm.emulator()) or vm.emulator()
    (tmp_path / 'bin' / 'apus').write_text(f'#!/bin/sh\nexec {program} "$@"\n')
    (tmp_path / 'bin' / 'apus').chmod(0o755)
    return tmp_path


def environment(folder):
    return os.environ | {'PATH': f'{folder}/bin:{os.environ["PATH"]}'}


def test_there_are_examples():
    assert len(COMMANDS) >= 5 and len(blocks('python')) == 1


def use_shell(command, folder):
    """The terminal is the guest's: turns it off once it asks for commands."""
    with subprocess.Popen(['bash', '-c', command], cwd=folder, env=environment(folder), stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        output = b''
        while b'shell# ' not in output:
            piece = process.stdout.read1(4096)
            assert piece, output
            output += piece
        process.stdin.write(b'poweroff -f\n')
        process.stdin.flush()
        process.stdout.read()
        assert process.wait(60) == 0


def start_on_pipes(command, folder):
    return subprocess.Popen(['bash', '-c', 'exec ' + command], cwd=folder, env=environment(folder), stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE)


def test_keeping_a_machine(folder):
    keep, go_on = [command for command in COMMANDS if 'kept.state' in command]
    subprocess.run(['bash', '-c', keep], cwd=folder, env=environment(folder), check=True, timeout=60)
    for _ in range(2):
        with start_on_pipes(go_on, folder) as process:
            try:
                # What arrives before the machine does is lost, as on QEMU.
                for _ in range(100):
                    process.stdin.write(b'k')
                    process.stdin.flush()
                    if select.select([process.stdout], [], [], 0.2)[0]:
                        break
                assert process.stdout.read1(1) == b'K'
            finally:
                process.kill()


@pytest.mark.parametrize('command', [command for command in COMMANDS if 'kept.state' not in command])
def test_shell_example(folder, command):
    if 'vmlinuz' in command:
        return use_shell(command, folder)
    # What an example needs of one above it.
    for need, maker in (('menu.png', '--update-golden'), ('boot.shot', '--update-golden'), ('--from booted', '--save booted')):
        if need in command and maker not in command:
            made = [other for other in COMMANDS if maker in other]
            subprocess.run(['bash', '-c', made[0]], cwd=folder, env=environment(folder), check=True, timeout=60)
    # a monitor on the terminal ends with its input: keep it open
    reader, writer = os.pipe()
    try:
        done = subprocess.run(['bash', '-c', command], cwd=folder, env=environment(folder), stdin=reader, capture_output=True,
                              timeout=120)
    finally:
        os.close(reader), os.close(writer)
    assert done.returncode == 0, done.stderr
    output = done.stdout + (folder / 'serial.log').read_bytes() if 'serial.log' in command else done.stdout
    if command.startswith('apus img'):
        words = {'small': b'(100.00/100%)', 'overlay': b"Formatting 'overlay.qcow2'", 'checked': b'No errors were found on the image.'}
        assert next(word for name, word in words.items() if name in command) in output
    elif command.startswith('apus shot'):
        assert output.startswith(b'TAP version 13\n1..4\nok 1 - ') if '--tap -' in command else output == b''
        for name in re.findall(r'(?:-o|--report|--junit) (\S+)', command):
            assert (folder / name).stat().st_size > 0
    elif '-fail-on' in command:
        assert output == b''
    elif command.startswith('apus compare'):
        assert output.startswith(b'equal: ') and (folder / 'where.png').read_bytes().startswith(b'\x89PNG')
    elif '--diff' in command:
        assert output == b''
    elif 'guest.state' in command:
        assert b'memory pc.ram: 16777216 bytes' in output
    elif 'blockdev-change-medium' in command:
        assert output.count(b'DEVICE_TRAY_MOVED') == 2 and output.count(b'"return"') == 3 and b'"error"' not in output
    elif 'disk.img' in command:
        assert b'GUEST power-off' in output
    elif 'cd.iso' in command:
        assert b"Booting `Power off'" in output
    elif 'test.img' in command:
        assert output == b'D'
    else:
        assert b'"status"' in output


def test_python_example(folder):
    process = subprocess.Popen(['apus', '-m', '32', '-drive', 'file=disk.img,format=raw', '-no-shutdown', '-display', 'none', '-serial', 'null',
                                '-qmp', 'unix:qmp.sock,server=on,wait=off'], cwd=folder, env=environment(folder))
    try:
        vm.QMP.connect(str(folder / 'qmp.sock')).close()
        subprocess.run([sys.executable, '-c', blocks('python')[0]], cwd=folder, check=True, timeout=60)
        assert (folder / 'guest.png').read_bytes().startswith(b'\x89PNG')
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()


def test_every_make_target_named_exists():
    targets = set(re.findall(r'`make ([a-z-]+)', README))
    rules = open(os.path.join(vm.ROOT, 'Makefile'), encoding='utf-8').read()
    assert targets and all(re.search(rf'^{target}:', rules, re.M) for target in targets)
