# SPDX-License-Identifier: Apache-2.0
"""A host without space: the guest stops, and goes on without loss when there is some again."""
import shutil
import subprocess

import pytest
import vm

FILLER = 'filler'


@pytest.fixture
def small(tmp_path):
    """A file system of one megabyte."""
    folder = tmp_path / 'small'
    folder.mkdir()
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'none', folder], capture_output=True).returncode != 0:
        pytest.skip('file systems cannot be mounted here')
    yield folder
    subprocess.run(['umount', '-l', folder])


@pytest.fixture
def full(small, tmp_path):
    """An overlay for the test guest's disk on a file system that is full."""
    base = shutil.copy(vm.image('disk.img'), tmp_path / 'disk.img')
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', base, '-F', 'raw', small / 'o.qcow2'], check=True)
    with open(small / FILLER, 'wb', buffering=0) as filler:
        try:
            while filler.write(bytes(4096)):
                pass
        except OSError:
            pass
    return small


def test_a_full_disk_stops_the_guest_until_there_is_space(start, full, reference):
    machine = start('-m', '32', '-drive', f'file={full}/o.qcow2,id=d,node-name=n')
    event = machine.qmp.wait_event('BLOCK_IO_ERROR')['data']
    assert event == {'device': 'd', 'node-name': 'n', 'operation': 'write', 'action': 'stop', 'nospace': True,
                     'reason': 'No space left on device'}
    machine.qmp.wait_event('STOP')
    assert machine.qmp.command('query-status')['status'] == 'io-error'
    drive = machine.qmp.command('query-block')[0]
    assert drive['io-status'] == 'nospace'
    assert 'I/O status:       nospace' in machine.qmp.hmp('info block d')
    # Without space it stops again.
    machine.qmp.command('cont')
    machine.qmp.wait_event('RESUME')
    machine.qmp.wait_event('BLOCK_IO_ERROR')
    machine.qmp.wait_event('STOP')
    (full / FILLER).unlink()
    machine.qmp.command('cont')
    machine.serial.wait('write ok\r\nboot sector ok\r\n')
    assert machine.wait_exit() == 0
    assert subprocess.run(['qemu-img', 'check', '-q', full / 'o.qcow2']).returncode == 0
    subprocess.run(['qemu-img', 'convert', '-O', 'raw', full / 'o.qcow2', full.parent / 'flat'], check=True)
    base, flat = open(full.parent / 'disk.img', 'rb').read(), open(full.parent / 'flat', 'rb').read()
    # The reference forgets what the guest had sent through the data register, and writes zeros.
    assert flat[1024:1536] == (bytes(512) if reference else bytes(255 - byte for byte in base[512:1024]))


@pytest.mark.parametrize('action, step', [('report', 'write error'), ('ignore', 'write ok')])
def test_the_user_decides_what_the_guest_sees(start, full, action, step):
    machine = start('-m', '32', '-drive', f'file={full}/o.qcow2,if=none,id=d', '-device', f'ide-hd,drive=d,werror={action}')
    event = machine.qmp.wait_event('BLOCK_IO_ERROR')['data']
    assert (event['action'], event['device']) == (action, 'd')
    machine.serial.wait(step)


def test_without_stopping_there_is_no_status(start, full):
    machine = start('-S', '-m', '32', '-drive', f'file={full}/o.qcow2,werror=report,rerror=report', serial=False)
    assert 'io-status' not in machine.qmp.command('query-block')[0]
