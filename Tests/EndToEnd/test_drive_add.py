# SPDX-License-Identifier: Apache-2.0
"""drive_add, drive_del and what is said of block jobs, in the human monitor: QEMU's grammar and words."""
import json
import re
import struct
import subprocess
import time
from pathlib import Path

import pytest
import vm

NOT_INSERTED = '{}: [not inserted]\r\n    Removable device: not locked, tray closed\r\n'


@pytest.fixture
def files(tmp_path, monkeypatch):
    for name in ('a.img', 'b.img'):
        with open(tmp_path / name, 'wb') as file:
            file.truncate(1 << 20)
    monkeypatch.chdir(tmp_path)
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', 'c.qcow2', '1M'], check=True)
    return tmp_path


USAGE = '{0}: {1} expected\r\nTry "help {0}" for more information\r\n'
LINES = [
    ('drive_add', USAGE.format('drive_add', 'string')),
    ('drive_add 0', USAGE.format('drive_add', 'string')),
    ('drive_add -x 0 if=none', 'drive_add: unsupported option -x\r\nTry "help drive_add" for more information\r\n'),
    ('drive_add 0 if=none', 'OK\r\n'),
    ('drive_add 0 if=none,id=x', 'OK\r\n'),
    ('drive_add 0 if=none,id=x', "Duplicate ID 'x' for drive\r\n"),
    ('drive_add 0 if=ide,file=b.img,format=raw', "Can't hot-add drive to type 1\r\n"),
    ('drive_add 0 file=b.img,format=raw', "Can't hot-add drive to type 1\r\n"),
    ('drive_add 0 if=scsi,file=b.img,format=raw', "Can't hot-add drive to type 2\r\n"),
    ('drive_add 5 if=virtio,id=v,file=b.img,format=raw', "Can't hot-add drive to type 7\r\n"),
    ('drive_add 0:0 if=none,file=b.img,format=raw,id=y', 'OK\r\n'),
    ('drive_add 0 if=none,file=none.img', "Could not open 'none.img': No such file or directory\r\n"),
    ('drive_add 0 if=none,file=b.img,format=nope', "Unknown driver 'nope'\r\n"),
    ('drive_add -n 0 driver=raw,node-name=n,file.driver=file,file.filename=b.img,read-only=on,file.locking=off', ''),
    ('drive_add -n 0 driver=qcow2,node-name=q,file.driver=file,file.filename=c.qcow2', ''),
    ('drive_add -n 0 driver=qcow2,file.driver=file,file.filename=c.qcow2', "'node-name' needs to be specified\r\n"),
    ('drive_del', USAGE.format('drive_del', 'block device name')),
    ('drive_del nope', "Device 'nope' not found\r\n"),
    ('drive_del n', ''), ('drive_del n', "Device 'n' not found\r\n"), ('drive_del q', ''),
    ('drive_del y', ''), ('drive_del y', "Device 'y' not found\r\n"),
    ('info block-jobs', 'No active jobs\r\n'),
]


def test_every_line_is_answered_as_the_reference_does(start, files):
    machine = start('-S', '-nodefaults', '-drive', 'file=a.img,format=raw,id=d,if=none', serial=False)
    for line, answer in LINES:
        assert machine.qmp.hmp(line) == answer, line
    # A drive without a name has the number of its place among those without a bus.
    text = machine.qmp.hmp('info block')
    assert re.findall(r'(?m)^(\w+)[ :]', text) == ['d', 'none1', 'x'] and NOT_INSERTED.format('none1') in text
    assert machine.qmp.hmp('drive_add 0 if=none,id=s,file=b.img,format=raw,snapshot=on,bps=100') == 'OK\r\n'
    found = machine.qmp.command('query-block')[-1]
    assert found['device'] == 's' and found['inserted']['bps'] == 100 and found['inserted']['backing_file'] == 'b.img'
    assert machine.qmp.hmp('drive_add 0 if=none,id=c,file=b.img,format=raw,media=cdrom') == 'OK\r\n'
    assert machine.qmp.command('query-block')[-1]['inserted']['ro'] is True


def test_a_disk_goes_from_under_its_device(start, files):
    machine = start('-S', '-nodefaults', '-drive', 'file=a.img,format=raw,id=d', '-drive', 'if=none,id=v,file=c.qcow2',
                    '-device', 'virtio-blk-pci,drive=v,id=vd', '-drive', 'if=none,id=cd,file=b.img,format=raw,media=cdrom',
                    '-device', 'ide-cd,drive=cd,id=cdd,bus=ide.1', serial=False)
    place = machine.qmp.command('query-block')[0]['qdev']
    for name in ('d', 'v', 'cd'):
        assert machine.qmp.hmp(f'drive_del {name}') == ''
        assert machine.qmp.hmp(f'drive_del {name}') == f"Device '{name}' not found\r\n"
    assert machine.qmp.hmp('info block') == (
        f'{place}: [not inserted]\r\n    Attached to:      {place}\r\n\r\n'
        '/machine/peripheral/vd/virtio-backend: [not inserted]\r\n    Attached to:      /machine/peripheral/vd/virtio-backend\r\n\r\n'
        'cdd: [not inserted]\r\n    Attached to:      cdd\r\n    Removable device: not locked, tray closed\r\n')
    assert [drive['device'] for drive in machine.qmp.command('query-block')] == ['', '', '']
    # The files are free, and the names are not while the devices are there.
    assert machine.qmp.hmp('drive_add 0 if=none,id=d') == "Duplicate ID 'd' for drive\r\n"
    assert machine.qmp.hmp('drive_add 0 if=none,id=new,file=a.img,format=raw') == 'OK\r\n'
    machine.qmp.command('system_reset')
    machine.qmp.command('cont')
    assert machine.qmp.command('query-status')['status'] == 'running'


def test_a_guest_whose_disk_goes_sees_errors(start, files):
    """The guest writes to its disk and tells each error; the machine must not stop for it."""
    machine = start('-m', '32', '-nic', 'none', '-drive', f'file={vm.image("serial-echo.img")},format=raw,snapshot=on,id=d')
    machine.serial.wait('\r\n')
    assert machine.qmp.hmp('drive_del d') == ''
    machine.serial.send(b'abc')
    machine.serial.wait('ABC')
    machine.qmp.command('system_reset')
    assert machine.qmp.command('query-status')['status'] == 'running'


COMMITS = [
    ('commit', USAGE.format('commit', 'block device name')), ('commit x', "Device 'x' not found\r\n"), ('commit all', ''),
    ('commit d', "'commit' error for 'd': Operation not supported\r\n"), ('commit e', "Device 'e' has no medium\r\n"),
]


def pattern(path, *commands):
    """Writes or checks bytes of an image, as qemu-io's commands say."""
    done = subprocess.run(['qemu-io', '-f', 'qcow2' if path.endswith('qcow2') else 'raw', *(part for command in commands for part in ('-c', command)), path],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and 'failed' not in done.stdout, done.stdout


def test_commit_is_worded_as_the_reference_does(start, files):
    machine = start('-S', '-nodefaults', '-drive', 'file=a.img,format=raw,id=d,if=none', '-drive', 'if=none,id=e', serial=False)
    for line, answer in COMMITS:
        assert machine.qmp.hmp(line) == answer, line


@pytest.mark.parametrize('base', ['b.img', 'c.qcow2'])
def test_an_overlay_goes_into_the_image_below(start, files, base):
    form = base.rpartition('.')[2].replace('img', 'raw')
    pattern(base, 'write -P 1 0 1M')
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', base, '-F', form, 'o.qcow2', '2M'], check=True)
    pattern('o.qcow2', 'write -P 2 512k 64k', 'write -z 256k 128k', 'write -P 3 1984k 64k')
    machine = start('-S', '-nodefaults', '-drive', 'file=o.qcow2,format=qcow2,id=o', '-drive', 'file=a.img,format=raw', serial=False)
    assert machine.qmp.hmp('commit o') == ''
    info = machine.qmp.command('query-block')[0]['inserted']['image']
    assert info['backing-image']['virtual-size'] == 2 << 20
    # What the monitor sees of the image below is what is there now, and nobody else may write to it.
    assert subprocess.run(['qemu-io', '-c', 'write 0 512', base], capture_output=True).returncode == 1
    assert machine.qmp.hmp('commit all') == ''
    machine.qmp.command('quit')
    machine.process.wait(20)
    pattern(base, 'read -P 1 0 256k', 'read -P 0 256k 128k', 'read -P 1 384k 128k', 'read -P 2 512k 64k', 'read -P 1 576k 448k',
            'read -P 0 1M 960k', 'read -P 3 1984k 64k')
    pattern('o.qcow2', 'read -P 2 512k 64k', 'read -P 3 1984k 64k')
    for name in ('o.qcow2', *(['c.qcow2'] if form == 'qcow2' else [])):
        assert subprocess.run(['qemu-img', 'check', '-q', name]).returncode == 0
    extents = json.loads(subprocess.run(['qemu-img', 'map', '--output=json', 'o.qcow2'], capture_output=True, check=True).stdout)
    assert all(extent['depth'] == 1 for extent in extents if extent['data'])


def test_a_guests_writes_are_committed_from_a_temporary_layer(start, files):
    """The guest goes on afterwards, and what it writes then is in the layer again."""
    with open('j.img', 'wb') as file:
        file.truncate(32 << 20)
    machine = start('-m', '32', '-nic', 'none', '-drive', f'file={vm.image("journal.img")},format=raw,snapshot=on,index=0',
                    '-drive', 'file=j.img,format=raw,snapshot=on,index=2,id=j')

    def said():
        found = re.findall(r'(?m)^([0-9a-f]{8})\r?$', machine.serial.data.decode('latin-1'))
        return int(found[-1], 16) if found else 0

    def wait(number):
        deadline = time.monotonic() + 20
        while said() < number:
            assert time.monotonic() < deadline
            machine.serial.wait('\n', start=len(machine.serial.data))

    wait(8)
    assert not any(Path('j.img').read_bytes())
    number = said()
    assert machine.qmp.hmp('commit j') == ''
    after = Path('j.img').read_bytes()
    words = set(struct.unpack_from(f'<{len(after) // 4}I', after))
    assert len(after) == 32 << 20 and max(words) >= number
    assert machine.qmp.command('query-status')['status'] == 'running'
    wait(number + 8)
    machine.qmp.command('quit')
    machine.process.wait(20)
    assert Path('j.img').read_bytes() == after
