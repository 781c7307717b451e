# SPDX-License-Identifier: Apache-2.0
"""Virtio disks as the firmware, Debian's drivers and the host see them."""
import hashlib
import os
import random
import re

import pytest
from linux import APPEND, BusyboxShell, kernel_options
from test_exact_runs import COUNTING, exact_run
import vm

MEBIBYTE = 1 << 20
SIZE = 24 * MEBIBYTE
STEPS = b'GUEST disk\r\nread ok\r\nwrite ok\r\nboot sector ok\r\n'
INTERFACES = ('', 'disable-legacy=on', 'disable-modern=on', 'vectors=0', 'packed=on,disable-legacy=on')
#: By the device's properties: how Linux hears of it, and the first words of configuration space.
KINDS = {
    '': ('PCI-MSI', 'f41a0110 07051000 00000001'),
    'disable-legacy=on,packed=on,num-queues=4': ('PCI-MSI', 'f41a4210 07051000 01000001'),
    'disable-modern=on,vectors=0,event_idx=off': ('IO-APIC', 'f41a0110 07010000 00000001'),
    'indirect_desc=off,queue-size=16': ('PCI-MSI', 'f41a0110 07051000 00000001'),
}


@pytest.fixture
def disk(tmp_path):
    """A disk of random bytes, with what they are."""
    data = os.urandom(SIZE)
    (tmp_path / 'disk.img').write_bytes(data)
    return tmp_path / 'disk.img', data


def device(path, properties, options='discard=unmap'):
    return ('-drive', f'if=none,id=d,file={path},format=raw,{options}', '-device', f'virtio-blk-pci,drive=d,serial=apus-7,{properties}')


@pytest.mark.parametrize('properties', INTERFACES)
def test_the_firmware_boots_reads_and_writes(run, tmp_path, properties):
    path = tmp_path / 'disk.img'
    path.write_bytes(open(vm.image('disk.img'), 'rb').read())
    before = path.read_bytes()
    done = run('-m', '32', '-nic', 'none', '-display', 'none', '-serial', 'stdio', *device(path, properties))
    assert (done.returncode, done.stdout, done.stderr) == (0, STEPS, b'')
    assert path.read_bytes()[1024:1536] == bytes(255 - byte for byte in before[512:1024])


@pytest.mark.parametrize('order', [('idle', 'busy'), ('busy', 'idle')])
def test_the_boot_index_chooses_the_disk(start, order):
    """Of two virtio disks and an IDE disk in front of them."""
    arguments = ['-m', '32', '-drive', f'file={vm.image("deaf.img")},format=raw,snapshot=on']
    for name in ('idle', 'busy'):
        arguments += ['-drive', f'if=none,id={name},file={vm.image(name + ".img")},format=raw,snapshot=on',
                      '-device', f'virtio-blk-pci,drive={name},bootindex={order.index(name)}']
    start(*arguments).serial.wait(f'GUEST {order[0]}\r\n')


def test_drives_of_the_interface_virtio_are_devices(start):
    machine = start('-m', '32', '-S', '-nic', 'none', '-device', 'virtio-blk-pci,drive=x,id=disk,addr=7', '-drive',
                    f'if=virtio,file={vm.image("idle.img")},format=raw,snapshot=on', '-drive',
                    f'if=none,id=x,file={vm.image("busy.img")},format=raw,snapshot=on', serial=False)
    blocks = {block['device']: block.get('qdev') for block in machine.qmp.command('query-block')}
    assert blocks['virtio0'].endswith('/virtio-backend') and blocks['x'] == '/machine/peripheral/disk/virtio-backend'
    functions = {function['slot']: function for function in machine.qmp.command('query-pci')[0]['devices']}
    assert functions[7]['qdev_id'] == 'disk' and functions[3]['qdev_id'] == ''
    for slot in (3, 7):
        function = functions[slot]
        assert function['id'] == {'vendor': 0x1af4, 'device': 0x1001, 'subsystem-vendor': 0x1af4, 'subsystem': 2}
        assert function['class_info'] == {'class': 256, 'desc': 'SCSI controller'} and function['irq_pin'] == 1
        assert function['regions'] == [
            {'bar': 0, 'type': 'io', 'address': -1, 'size': 128},
            {'bar': 1, 'type': 'memory', 'address': -1, 'size': 4096, 'prefetch': False, 'mem_type_64': False},
            {'bar': 4, 'type': 'memory', 'address': -1, 'size': 16384, 'prefetch': True, 'mem_type_64': True}]


def words(shell, path, count):
    """The first 32-bit words of a file, byte by byte as they lie."""
    return shell.run(f"hexdump -v -n {4 * count} -e '4/1 \"%02x\" \" \"' {path}").strip()


@pytest.mark.parametrize('properties', [pytest.param(kind, marks=pytest.mark.long if kind else ()) for kind in KINDS])
def test_linux_reads_writes_and_discards(start, disk, properties):
    path, data = disk
    delivery, identity = KINDS[properties]
    topology = 'physical_block_size=4096,min_io_size=8192,opt_io_size=65536'
    machine = start('-m', '256', '-smp', '1', '-no-reboot', *kernel_options('amd64', APPEND + ' quiet', 'virtio.gz'),
                    *device(path, properties + ',' * bool(properties) + topology))
    shell = BusyboxShell(machine)
    shell.run('modprobe -a virtio_pci virtio_blk')
    assert words(shell, '/sys/bus/pci/devices/0000:00:03.0/config', 3) == identity
    block = '/sys/block/vda'
    assert shell.run(f'cat {block}/serial').strip() == 'apus-7'
    assert int(shell.run(f'cat {block}/size')) == SIZE // 512
    names = ('logical_block_size', 'physical_block_size', 'minimum_io_size', 'optimal_io_size', 'write_cache', 'discard_max_bytes')
    values = shell.run('cat ' + ' '.join(f'{block}/queue/{name}' for name in names)).split('\n')
    assert values[:5] == ['512', '4096', '8192', '65536', 'write back'] and values[5] == str(4194303 * 512)

    # Read through the page cache and around it.
    digest = hashlib.sha256(data).hexdigest()
    assert shell.run('sha256sum /dev/vda').split()[0] == digest
    assert shell.run('dd if=/dev/vda bs=64k iflag=direct 2>/dev/null | sha256sum').split()[0] == digest
    shell.run('dd if=/dev/vda of=/dev/vda bs=1M count=4 seek=16 conv=fsync,notrunc 2>/dev/null')
    shell.run('dd if=/dev/zero of=/dev/vda bs=4k count=64 seek=512 oflag=direct conv=notrunc 2>/dev/null')
    assert 'blkdiscard' not in shell.run('blkdiscard -o 8388608 -l 2097152 /dev/vda 2>&1 || echo no discard')
    shell.run('sync; echo 3 > /proc/sys/vm/drop_caches')
    expected = bytearray(data)
    expected[16 * MEBIBYTE:20 * MEBIBYTE] = data[:4 * MEBIBYTE]
    expected[2 * MEBIBYTE:2 * MEBIBYTE + 0x40000] = bytes(0x40000)
    expected[8 * MEBIBYTE:10 * MEBIBYTE] = bytes(2 * MEBIBYTE)
    assert shell.run('sha256sum /dev/vda').split()[0] == hashlib.sha256(expected).hexdigest()
    assert path.read_bytes() == expected and os.stat(path).st_blocks * 512 <= SIZE - 2 * MEBIBYTE

    lines = [line for line in shell.run('cat /proc/interrupts').split('\n') if 'virtio0' in line]
    assert lines and all(delivery in line for line in lines)
    assert sum(int(re.split(' +', line.strip())[1]) for line in lines) > 100


@pytest.mark.parametrize('arguments, message', [
    ('-device virtio-blk-pci', 'drive property not set'),
    ('-device virtio-blk-pci,drive=nosuch', "Property 'virtio-blk-device.drive' can't find value 'nosuch'"),
    ('-drive if=none,id=d,file=DISK,format=raw -device virtio-blk-pci,drive=d,addr=1',
     'PCI: slot 1 function 0 not available for virtio-blk-pci, in use by PIIX3,id=(null)'),
    ('-drive if=none,id=d,file=DISK,format=raw -device virtio-blk-pci,drive=d,addr=2.1',
     "PCI: single function device can't be populated in function 2.1"),
    ('-drive if=none,id=d,file=DISK,format=raw -device virtio-blk-pci,drive=d,addr=20',
     "Property 'virtio-blk-pci.addr' doesn't take value '20'"),
])
def test_what_cannot_be_is_refused(run, prefix, disk, arguments, message):
    arguments = arguments.replace('DISK', str(disk[0])).split(' ')
    done = run('-m', '32', '-nic', 'none', '-display', 'none', *arguments)
    assert done.returncode == 1
    assert done.stderr.decode() == f'{prefix} {" ".join(arguments[-2:])}: {message}\n'

@pytest.mark.apus
@pytest.mark.parametrize('properties', ['', 'disable-modern=on'])
def test_a_counted_run_is_repeatable_and_saved_anywhere(tmp_path, properties):
    """GRUB, which the firmware reads from the disk, up to its prompt."""
    options = (*COUNTING, '-m', '64', '-drive', f'if=none,id=d,file={vm.image("grub-usb.img")},format=raw,snapshot=on',
               '-device', f'virtio-blk-pci,drive=d,{properties}')
    end = 60 * 10 ** 6
    whole = exact_run(end, options=options)
    assert exact_run(end, options=options) == whole
    for _ in range(4):
        count = random.SystemRandom().randrange(5 * 10 ** 6, end)
        exact_run(count, f'save={tmp_path}/image', options=options)
        assert exact_run(end, f'load={tmp_path}/image', options=options) == whole, f'saved at {count}'
