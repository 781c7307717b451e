# SPDX-License-Identifier: Apache-2.0
"""A Debian on a qcow2 image over a backing file: installs a package, is saved and taken back under load, reboots."""
import hashlib
import os
import subprocess

import pytest
from linux import APPEND, PATIENCE, DebianShell, medium, wait_exit

pytestmark = pytest.mark.long

CONTROL = """Package: apus-test
Version: 1.0
Architecture: all
Maintainer: nobody <nobody@example.org>
Description: a package for a test
"""


@pytest.fixture
def package(tmp_path):
    """A package as the content of a disc."""
    folder = tmp_path / 'package'
    (folder / 'DEBIAN').mkdir(parents=True)
    (folder / 'DEBIAN' / 'control').write_text(CONTROL)
    (folder / 'usr/bin').mkdir(parents=True)
    (folder / 'usr/bin/apus-test').write_text('#!/bin/sh\necho installed and run\n')
    (folder / 'usr/bin/apus-test').chmod(0o755)
    (folder / 'usr/share').mkdir()
    (folder / 'usr/share/apus-test').write_bytes(bytes(range(256)) * 4096)
    subprocess.run(['dpkg-deb', '--root-owner-group', '-b', folder, tmp_path / 'package.deb'], check=True, stdout=subprocess.DEVNULL)
    return tmp_path / 'package.deb'


def boot(start, folder, name, interface, *arguments):
    return start('-m', '512', '-kernel', medium('debian', 'vmlinuz'), '-initrd', medium('debian', 'initrd.gz'),
                 '-append', f'{APPEND} quiet root=/dev/{name}a', '-nic', 'none',
                 '-drive', f'file={folder}/top.qcow2,format=qcow2,if={interface}', *arguments)


@pytest.mark.parametrize('name, interface', [('sd', 'ide'), ('vd', 'virtio')])
def test_debian_on_an_overlay(start, tmp_path, package, name, interface):
    subprocess.run(['qemu-img', 'convert', '-O', 'qcow2', medium('debian', 'root.img'), tmp_path / 'base.qcow2'], check=True)
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', tmp_path / 'top.qcow2'], check=True)
    base = (tmp_path / 'base.qcow2').read_bytes()
    size = package.stat().st_size
    with open(package, 'ab') as file:
        file.truncate((size + 2047) // 2048 * 2048)
    first = boot(start, tmp_path, name, interface, '-drive', f'file={package},format=raw,media=cdrom')
    shell = DebianShell(first)
    assert shell.run(f'head -c {size} /dev/sr0 > p.deb && dpkg -i p.deb > /dev/null 2>&1; echo $?') == '0\n'
    assert shell.run('apus-test') == 'installed and run\n'
    # Saved and taken back while the disk is written to.
    shell.run('(while :; do dd if=/dev/urandom of=load bs=64k count=64 conv=fsync 2> /dev/null; cat load > copy; sync; done) & true')
    for number in range(3):
        assert first.qmp.hmp(f'savevm s{number}') == ''
        assert shell.run(f'echo {number} >> after; sync; echo $((6*{number}))') == f'{6 * number}\n'
    assert first.qmp.hmp('loadvm s1') == ''
    # The shell is where it was, and so is the disk: what it was told next had not been said.
    assert shell.run('cat after') == '0\n'
    assert shell.run('kill $!; wait; sha256sum /usr/share/apus-test').split()[0] == hashlib.sha256(bytes(range(256)) * 4096).hexdigest()
    shell.wait_prompt()
    shell.send('reboot')
    shell.log_in()
    assert shell.run('apus-test; cat after') == 'installed and run\n0\n'
    assert shell.run('systemctl --failed --no-legend --no-pager') == ''
    shell.wait_prompt()
    first.qmp.command('system_powerdown')
    assert wait_exit(first, PATIENCE) == 0
    checked = subprocess.run(['qemu-img', 'check', tmp_path / 'top.qcow2'], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
    assert (tmp_path / 'base.qcow2').read_bytes() == base
    subprocess.run(['qemu-img', 'convert', '-O', 'raw', tmp_path / 'top.qcow2', tmp_path / 'flat'], check=True)
    checked = subprocess.run(['e2fsck', '-fn', tmp_path / 'flat'], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.fixture
def small(tmp_path):
    """A file system of 160 MiB."""
    folder = tmp_path / 'small'
    folder.mkdir()
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=160m', 'none', folder], capture_output=True).returncode != 0:
        pytest.skip('file systems cannot be mounted here')
    yield folder
    subprocess.run(['umount', '-l', folder])


@pytest.mark.parametrize('name, interface', [('sd', 'ide'), ('vd', 'virtio')])
def test_debian_waits_for_space_on_the_host(start, tmp_path, small, name, interface):
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', medium('debian', 'root.img'), '-F', 'raw', small / 'top.qcow2'], check=True)
    machine = boot(start, small, name, interface)
    shell = DebianShell(machine)
    shell.run('sync')
    room = os.statvfs(small)
    (small / 'ballast').write_bytes(bytes(room.f_bavail * room.f_bsize - (3 << 20)))
    shell.run('head -c 24M /dev/urandom > /dev/shm/data')
    expected = shell.run('sha256sum < /dev/shm/data')
    machine.qmp.events.clear()
    shell.wait_prompt()
    shell.send('cp /dev/shm/data data; sync; echo written $?')
    event = machine.qmp.wait_event('BLOCK_IO_ERROR', timeout=PATIENCE)['data']
    assert (event['action'], event['nospace'], event['operation']) == ('stop', True, 'write')
    machine.qmp.wait_event('STOP')
    assert machine.qmp.command('query-status')['status'] == 'io-error'
    # Little by little: it stops again and again.
    for _ in range(3):
        with open(small / 'ballast', 'r+b') as file:
            file.truncate(max(0, (small / 'ballast').stat().st_size - (2 << 20)))
        machine.qmp.events.clear()
        machine.qmp.command('cont')
        machine.qmp.wait_event('BLOCK_IO_ERROR', timeout=PATIENCE)
        machine.qmp.wait_event('STOP', timeout=PATIENCE)
    (small / 'ballast').unlink()
    machine.qmp.command('cont')
    shell.wait('written 0')
    assert shell.run('echo 3 > /proc/sys/vm/drop_caches; sha256sum < data') == expected
    assert shell.run(f'dmesg | grep -c "I/O error, dev {name}a"; true') == '0\n'
    shell.wait_prompt()
    machine.qmp.command('system_powerdown')
    assert wait_exit(machine, PATIENCE) == 0
    checked = subprocess.run(['qemu-img', 'check', small / 'top.qcow2'], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
    subprocess.run(['qemu-img', 'convert', '-O', 'raw', small / 'top.qcow2', tmp_path / 'flat'], check=True)
    checked = subprocess.run(['e2fsck', '-fn', tmp_path / 'flat'], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
