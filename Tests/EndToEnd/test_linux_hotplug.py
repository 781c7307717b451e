# SPDX-License-Identifier: Apache-2.0
"""Disks and network adapters that come to a running Linux and leave it: it hears of them through ACPI."""
import os

import pytest
from linux import APPEND, BusyboxShell, kernel_options
from network import lease

MEBIBYTE = 1 << 20


def boot(start, initrd, *arguments):
    machine = start('-m', '256', '-no-reboot', '-nic', 'none', *kernel_options('amd64', APPEND + ' quiet', initrd), *arguments)
    return machine, BusyboxShell(machine)


def wait_for(shell, condition):
    shell.run(f'n=0; while ! {condition}; do n=$((n+1)); [ $n -lt 200 ] || break; usleep 50000; done; {condition}')


def functions(machine):
    return {function['qdev_id']: function for function in machine.qmp.command('query-pci')[0]['devices'] if function['qdev_id']}


def delete(machine, name, *parts):
    """Asks for a device to go and waits until it has; its parts go first."""
    machine.qmp.command('device_del', id=name)
    for part in parts:
        assert machine.qmp.wait_event('DEVICE_DELETED')['data'] == {'path': f'/machine/peripheral/{name}/{part}'}
    assert machine.qmp.wait_event('DEVICE_DELETED')['data'] == {'device': name, 'path': f'/machine/peripheral/{name}'}
    assert name not in functions(machine)


def test_a_disk_comes_and_goes(start, tmp_path):
    data = os.urandom(MEBIBYTE)
    (tmp_path / 'disk.img').write_bytes(data)
    machine, shell = boot(start, 'virtio.gz')
    shell.run('modprobe -a virtio_pci virtio_blk')
    machine.qmp.command('blockdev-add', driver='raw', node_name='disk',
                        file={'driver': 'file', 'filename': str(tmp_path / 'disk.img')})
    for serial in ('first', 'second'):
        machine.qmp.command('device_add', driver='virtio-blk-pci', id='late', drive='disk', serial=serial)
        wait_for(shell, '[ -b /dev/vda ]')
        assert shell.run('cat /sys/block/vda/serial').strip() == serial
        assert functions(machine)['late']['regions'][0]['address'] >= 0x1000
        shell.run('dd if=/dev/vda of=/dev/vda bs=64k count=4 seek=8 conv=fsync,notrunc 2>/dev/null')
        delete(machine, 'late', 'virtio-backend')
        wait_for(shell, '[ ! -e /sys/block/vda ]')
        assert [block['node-name'] for block in machine.qmp.command('query-named-block-nodes')].count('disk') == 1
        assert 'late' not in str(machine.qmp.command('query-block'))
    machine.qmp.command('blockdev-del', node_name='disk')
    expected = data[:512 << 10] + data[:256 << 10] + data[768 << 10:]
    assert (tmp_path / 'disk.img').read_bytes() == expected
    machine.qmp.command('quit')


def test_a_drive_of_the_command_line_goes_with_its_device(start, tmp_path):
    """Into whatever slot it was put, and the slot can be used again."""
    (tmp_path / 'disk.img').write_bytes(bytes(MEBIBYTE))
    machine, shell = boot(start, 'virtio.gz', '-drive', f'if=none,id=d,file={tmp_path}/disk.img,format=raw', '-device',
                          'virtio-blk-pci,drive=d,id=disk,addr=1f')
    shell.run('modprobe -a virtio_pci virtio_blk')
    wait_for(shell, '[ -b /dev/vda ]')
    delete(machine, 'disk', 'virtio-backend')
    assert 'd' not in [block['device'] for block in machine.qmp.command('query-block')]
    machine.qmp.command('device_add', driver='virtio-net-pci', id='net', addr='1f')
    wait_for(shell, '[ -d /sys/bus/pci/devices/0000:00:1f.0 ]')
    machine.qmp.command('quit')


@pytest.mark.parametrize('model, driver, parts', [('e1000', 'e1000', ()), ('virtio-net-pci', 'virtio_net', ('virtio-backend',))])
def test_an_adapter_comes_and_goes(start, model, driver, parts):
    machine, shell = boot(start, 'network.gz', '-netdev', 'user,id=wire')
    shell.run(f'modprobe -a virtio_pci {driver}')
    for tail in ('aa', 'bb'):
        machine.qmp.command('device_add', driver=model, id='net', netdev='wire', mac=f'52:54:00:00:00:{tail}')
        wait_for(shell, '[ -d /sys/class/net/eth0 ]')
        assert shell.run('cat /sys/class/net/eth0/address').strip() == f'52:54:00:00:00:{tail}'
        address, router, _ = lease(shell)
        assert address.startswith('10.0.2.1') and router == '10.0.2.2'
        assert f'net: index=0,type=nic,model={model},macaddr=52:54:00:00:00:{tail}\r\n \\ wire:' in machine.qmp.hmp('info network')
        delete(machine, 'net', *parts)
        wait_for(shell, '[ ! -e /sys/class/net/eth0 ]')
        assert machine.qmp.hmp('info network').startswith('wire: ')
    machine.qmp.command('quit')


def test_the_guest_ejects_by_itself(start):
    """Whoever switches a slot off inside ejects the device, and the host hears of it."""
    machine, shell = boot(start, 'network.gz', '-device', 'e1000,id=net,addr=6')
    shell.run('modprobe e1000')
    wait_for(shell, '[ -d /sys/class/net/eth0 ]')
    assert shell.run('cat /sys/bus/pci/slots/6/power').strip() == '1'
    shell.run('echo 0 > /sys/bus/pci/slots/6/power')
    assert machine.qmp.wait_event('DEVICE_DELETED')['data'] == {'device': 'net', 'path': '/machine/peripheral/net'}
    # A slot that is empty from the start can be filled, those of the board's own devices cannot be emptied.
    slots = shell.run('ls /sys/bus/pci/slots').split()
    assert sorted(map(int, slots)) == list(range(3, 32))
    machine.qmp.command('quit')


@pytest.mark.long
def test_functions_of_one_slot_come_and_go_together(start):
    """Linux looks at all functions of a slot when the first one comes."""
    machine, shell = boot(start, 'network.gz', '-netdev', 'user,id=n0', '-netdev', 'user,id=n1', '-device',
                          'virtio-net-pci,addr=5,multifunction=on,id=cold', '-device', 'e1000,addr=5.2,id=second')
    shell.run('modprobe -a virtio_pci virtio_net e1000')
    wait_for(shell, '[ -e /sys/bus/pci/devices/0000:00:05.2/net ]')
    assert shell.run('cat /sys/bus/pci/devices/0000:00:05.[02]/class').split() == ['0x020000', '0x020000']
    machine.qmp.command('device_add', driver='e1000', id='tail', addr='6.1', netdev='n1')
    machine.qmp.command('device_add', driver='e1000', id='head', addr='6', multifunction=True, netdev='n0')
    wait_for(shell, '[ -e /sys/bus/pci/devices/0000:00:06.1/net -a -e /sys/bus/pci/devices/0000:00:06.0/net ]')
    interface = shell.run('ls /sys/bus/pci/devices/0000:00:06.1/net').strip()
    assert lease(shell, interface)[0] == '10.0.2.15'
    machine.qmp.command('device_del', id='head')
    gone = [machine.qmp.wait_event('DEVICE_DELETED')['data']['device'] for _ in range(2)]
    assert sorted(gone) == ['head', 'tail']
    wait_for(shell, '[ ! -e /sys/bus/pci/devices/0000:00:06.0 -a ! -e /sys/bus/pci/devices/0000:00:06.1 ]')
    machine.qmp.command('quit')
