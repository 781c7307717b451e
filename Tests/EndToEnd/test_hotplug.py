# SPDX-License-Identifier: Apache-2.0
"""device_add and device_del without a guest that listens: what is refused, what a reset completes, what lists show."""
import re

import pytest
import vm

OPTIONS = ('-m', '32', '-S', '-nic', 'none')


@pytest.fixture
def machine(start, tmp_path):
    """Two adapters and a disk, and things to plug into devices that come."""
    for name in 'abc':
        (tmp_path / f'{name}.img').write_bytes(bytes(1 << 20))
    return start(*OPTIONS, '-netdev', 'user,id=n0', '-netdev', 'user,id=n1', '-drive', f'if=none,id=dr,file={tmp_path}/a.img,format=raw',
                 '-drive', 'if=none,id=empty', '-blockdev', f'driver=raw,node-name=nd,file.driver=file,file.filename={tmp_path}/b.img',
                 '-device', 'virtio-blk-pci,drive=dr,id=cold,addr=10,bootindex=3', '-device', 'e1000,id=cn,netdev=n0',
                 '-device', 'ide-cd,id=cd,bus=ide.1', '-device', 'isa-debug-exit,id=exit', serial=False)


def refusal(machine, command, **arguments):
    with pytest.raises(vm.QMPError) as refused:
        machine.qmp.command(command, **arguments)
    return f'{refused.value.error_class}: {refused.value.description}'


def add(machine, driver, **arguments):
    assert machine.qmp.command('device_add', driver=driver, **arguments) == {}


def adapters(machine):
    return re.findall(r'^(\S+): index=0,type=nic,.*macaddr=(\S+)\r$', machine.qmp.hmp('info network'), re.M)


def places(machine):
    """Slot and function of each device that has a name."""
    return {function['qdev_id']: (function['slot'], function['function'])
            for function in machine.qmp.command('query-pci')[0]['devices'] if function['qdev_id']}


def deleted(machine, count):
    return [machine.qmp.wait_event('DEVICE_DELETED')['data'] for _ in range(count)]


@pytest.mark.parametrize('properties, message', [
    ({}, "Parameter 'driver' is missing"),
    ({'driver': None}, "Parameter 'driver' is missing"),
    ({'driver': 'nope', 'id': 'x'}, "'nope' is not a valid device model name"),
    ({'driver': 5}, "'5' is not a valid device model name"),
    ({'driver': 'VGA', 'id': 'x'}, "Parameter 'driver' expects a pluggable device type"),
    ({'driver': 'e1000', 'id': '1bad'}, "Parameter 'id' expects an identifier"),
    ({'driver': 'e1000', 'id': 'cold'}, "Duplicate device ID 'cold'"),
    ({'driver': 'e1000', 'id': 'exit'}, "Duplicate device ID 'exit'"),
    ({'driver': 'e1000', 'bus': 'nobus'}, "Bus 'nobus' not found"),
    ({'driver': 'e1000', 'bus': 'isa.0'}, "Device 'e1000' can't go on ISA bus"),
    ({'driver': 'ide-hd', 'bus': 'ide.0', 'drive': 'nd'}, "Bus 'ide.0' does not support hotplugging"),
    ({'driver': 'ide-cd', 'bus': 'ide.1'}, "Bus 'ide.1' does not support hotplugging"),
    ({'driver': 'isa-serial'}, "Bus 'isa.0' does not support hotplugging"),
    ({'driver': 'floppy'}, "Bus 'floppy-bus.0' does not support hotplugging"),
    ({'driver': 'e1000', 'addr': '10'}, 'PCI: slot 16 function 0 not available for e1000, in use by virtio-blk-pci,id=cold'),
    ({'driver': 'e1000', 'addr': '10.1'},
     'PCI: slot 16 function 0 already occupied by virtio-blk-pci, new func e1000 cannot be exposed to guest.'),
    ({'driver': 'e1000', 'addr': '40'}, "Property 'e1000.addr' doesn't take value '40'"),
    ({'driver': 'e1000', 'foo': 1}, "Property 'e1000.foo' not found"),
    ({'driver': 'e1000', 'mac': 'zz'}, "Property 'e1000.mac' doesn't take value 'zz'"),
    ({'driver': 'e1000', 'netdev': 'nn'}, "Property 'e1000.netdev' can't find value 'nn'"),
    ({'driver': 'e1000', 'netdev': 'n0'}, "Property 'e1000.netdev' can't take value 'n0', it's in use"),
    ({'driver': 'e1000', 'autonegotiation': 5}, "Parameter 'autonegotiation' expects 'on' or 'off'"),
    ({'driver': 'e1000', 'rombar': True}, "Parameter 'rombar' expects integer"),
    ({'driver': 'e1000', 'bootindex': 3}, 'The bootindex 3 has already been used'),
    ({'driver': 'e1000', 'romfile': 'nofile'}, 'failed to find romfile "nofile"'),
    ({'driver': 'e1000', 'acpi-index': 16384}, 'acpi-index should be less or equal to 16383'),
    ({'driver': 'virtio-blk-pci'}, 'drive property not set'),
    ({'driver': 'virtio-blk-pci', 'drive': 'dr'}, "Drive 'dr' is already in use by another device"),
    ({'driver': 'virtio-blk-pci', 'drive': 'nn'}, "Property 'virtio-blk-device.drive' can't find value 'nn'"),
    ({'driver': 'virtio-blk-pci', 'drive': 'empty'}, 'Device needs media, but drive is empty'),
    ({'driver': 'virtio-blk-pci', 'drive': 'floppy0'},
     "Drive 'floppy0' is already in use because it has been automatically connected to another device "
     "(did you need 'if=none' in the drive options?)"),
    ({'driver': 'virtio-blk-pci', 'drive': 'nd', 'num-queues': 0}, 'num-queues property must be larger than 0'),
    ({'driver': 'virtio-net-pci', 'disable-legacy': 'on', 'disable-modern': 'on'},
     'device cannot work as neither modern nor legacy mode is enabled'),
])
def test_what_cannot_be_added_leaves_everything_as_it_was(machine, properties, message):
    before = [machine.qmp.hmp(command) for command in ('info pci', 'info network', 'info block')]
    assert refusal(machine, 'device_add', **properties) == f'GenericError: {message}'
    assert [machine.qmp.hmp(command) for command in ('info pci', 'info network', 'info block')] == before
    # Whatever the device would have used is free.
    add(machine, 'virtio-blk-pci', id='disk', drive='nd')
    add(machine, 'e1000', id='net', netdev='n1')
    assert adapters(machine) == [('cn', '52:54:00:12:34:56'), ('net', '52:54:00:12:34:57')]


@pytest.mark.parametrize('name, error', [
    ('zzz', "DeviceNotFound: Device 'zzz' not found"),
    ('peripheral/cold', "DeviceNotFound: Device 'peripheral/cold' not found"),
    ('/machine/peripheral/zz', "DeviceNotFound: Device '/machine/peripheral/zz' not found"),
    ('', 'GenericError:  is not a hotpluggable device'),
    ('/machine', 'GenericError: /machine is not a hotpluggable device'),
    ('cold/virtio-backend', "GenericError: Bus 'virtio-bus' does not support hotplugging"),
    ('cd', "GenericError: Bus 'ide.1' does not support hotplugging"),
    ('/machine/peripheral/exit', "GenericError: Bus 'isa.0' does not support hotplugging"),
    ('/machine/fw_cfg', "GenericError: Bus 'main-system-bus' does not support hotplugging"),
    ('/machine/i440fx/ioapic', "GenericError: Bus 'main-system-bus' does not support hotplugging"),
    ('/machine/unattached/device[0]', 'GenericError: Boot CPU is unpluggable'),
    ('/machine/unattached/device[2]', "GenericError: Device 'i440FX' does not support hotplugging"),
    ('/machine/unattached/device[3]', "GenericError: Device 'PIIX3' does not support hotplugging"),
    ('/machine/unattached/device[7]', "GenericError: Bus 'isa.0' does not support hotplugging"),
    ('/machine/unattached/device[8]', "GenericError: Device 'VGA' does not support hotplugging"),
    ('/machine/unattached/device[9]', "GenericError: Bus 'main-system-bus' does not support hotplugging"),
    ('/machine/unattached/device[10]', "GenericError: Bus 'isa.0' does not support hotplugging"),
    ('/machine/unattached/device[16]', "GenericError: Bus 'floppy-bus.0' does not support hotplugging"),
    ('/machine/unattached/device[17]/ps2kbd', "GenericError: Bus 'main-system-bus' does not support hotplugging"),
    ('/machine/unattached/device[21]', "GenericError: Device 'piix3-ide' does not support hotplugging"),
    ('/machine/unattached/device[22]', "GenericError: Device 'PIIX4_PM' does not support hotplugging"),
    ('/machine/unattached/device[30]', "GenericError: Bus 'i2c' does not support hotplugging"),
    ('/machine/unattached/device[31]', "DeviceNotFound: Device '/machine/unattached/device[31]' not found"),
    ('/machine/unattached/device[08]', "DeviceNotFound: Device '/machine/unattached/device[08]' not found"),
    ('/backend', 'GenericError: /backend is not a hotpluggable device'),
])
def test_what_cannot_be_taken_out_is_refused(machine, name, error):
    assert refusal(machine, 'device_del', id=name) == error
    assert refusal(machine, 'device_del') == "GenericError: Parameter 'id' is missing"


def test_a_reset_takes_out_what_is_to_go(machine):
    add(machine, 'virtio-net-pci', addr='1e')
    add(machine, 'e1000', id='net', addr='1d', mac='52:54:00:12:34:57')
    machine.qmp.command('device_del', id='cold')
    assert refusal(machine, 'device_del', id='cold') == 'GenericError: Device cold is already in the process of unplug'
    machine.qmp.command('device_del', id='/machine/peripheral/net')
    machine.qmp.command('device_del', id='/machine/peripheral-anon/device[0]')
    assert set(places(machine)) == {'cold', 'cn', 'net'}
    machine.qmp.command('system_reset')
    machine.qmp.wait_event('RESET')
    # The lowest slot goes first. (QEMU tells of some a little later than they go.)
    events = deleted(machine, 5)
    expected = [{'path': '/machine/peripheral/cold/virtio-backend'}, {'path': '/machine/peripheral/cold', 'device': 'cold'},
                {'path': '/machine/peripheral/net', 'device': 'net'},
                {'path': '/machine/peripheral-anon/device[0]/virtio-backend'}, {'path': '/machine/peripheral-anon/device[0]'}]
    assert sorted(map(sorted, map(dict.items, events))) == sorted(map(sorted, map(dict.items, expected)))
    assert set(places(machine)) == {'cn'}
    # A drive of the command line goes with its device, and what it was called is free.
    assert 'dr' not in [block['device'] for block in machine.qmp.command('query-block')]
    assert refusal(machine, 'device_add', driver='virtio-blk-pci', drive='dr') == \
        "GenericError: Property 'virtio-blk-device.drive' can't find value 'dr'"
    assert refusal(machine, 'device_del', id='net') == "DeviceNotFound: Device 'net' not found"
    # So are their slots, addresses and boot indexes.
    add(machine, 'e1000', id='cold', addr='10', bootindex=3)
    assert adapters(machine) == [('cn', '52:54:00:12:34:56'), ('cold', '52:54:00:12:34:57')]


def test_a_node_and_a_back_end_stay_and_can_be_used_again(machine, tmp_path):
    for _ in range(3):
        add(machine, 'virtio-blk-pci', id='disk', drive='nd')
        add(machine, 'virtio-net-pci', id='net', netdev='n1')
        assert 'Attached to:      /machine/peripheral/disk/virtio-backend' in machine.qmp.hmp('info block')
        # A second device may not write to the same node.
        assert refusal(machine, 'device_add', driver='virtio-blk-pci', id='two', drive='nd').startswith('GenericError: Permission conflict')
        for name in ('disk', 'net'):
            machine.qmp.command('device_del', id=name)
        machine.qmp.command('system_reset')
        deleted(machine, 4)
        assert [node['node-name'] for node in machine.qmp.command('query-named-block-nodes')].count('nd') == 1
        assert '\r\nnd: ' not in machine.qmp.hmp('info block')
    machine.qmp.command('blockdev-del', node_name='nd')
    machine.qmp.command('netdev_del', id='n1')
    machine.qmp.command('blockdev-add', driver='raw', node_name='other', file={'driver': 'file', 'filename': str(tmp_path / 'b.img')})
    add(machine, 'virtio-blk-pci', id='disk', drive='other')


def test_slots_are_given_in_order(machine):
    add(machine, 'e1000', id='one')
    add(machine, 'e1000', id='two', addr='5.5')
    add(machine, 'e1000', id='three', addr=16)           # a number is read as its digits, which are hexadecimal
    found = places(machine)
    assert [found[name] for name in ('one', 'two', 'three')] == [(4, 0), (5, 5), (0x16, 0)]
    # The first slot without a function 0 is the next one's, even if it cannot be had.
    assert refusal(machine, 'device_add', driver='e1000') == \
        'GenericError: PCI: 5.0 indicates single function, but 5.5 is already populated.'
    add(machine, 'virtio-net-pci', id='head', multifunction=True)
    assert places(machine)['head'] == (5, 0)
    # Both functions of a slot go together.
    machine.qmp.command('device_del', id='two')
    machine.qmp.command('system_reset')
    deleted(machine, 3)
    assert 'two' not in places(machine) and 'head' not in places(machine)


def test_functions_of_a_slot_come_and_go_together(machine):
    for name, driver, function in (('one', 'e1000', 1), ('two', 'pvpanic-pci', 2), ('three', 'virtio-net-pci', 3)):
        add(machine, driver, id=name, addr=f'7.{function}')
    assert refusal(machine, 'device_add', driver='e1000', addr='7') == \
        'GenericError: PCI: 7.0 indicates single function, but 7.1 is already populated.'
    add(machine, 'e1000', id='first', addr='7', multifunction=True)
    assert refusal(machine, 'device_add', driver='e1000', addr='7.6') == \
        'GenericError: PCI: slot 7 function 0 already occupied by e1000, new func e1000 cannot be exposed to guest.'
    found = places(machine)
    assert [found[name] for name in ('first', 'one', 'two', 'three')] == [(7, 0), (7, 1), (7, 2), (7, 3)]
    machine.qmp.command('device_del', id='/machine/peripheral/one')
    machine.qmp.command('system_reset')
    deleted(machine, 5)
    assert not {'first', 'one', 'two', 'three'} & set(places(machine))


def test_values_are_of_any_type(machine):
    add(machine, 'virtio-blk-pci', id='disk', drive='nd', serial=12, num_queues='2', scsi=False, nothing=None, list=[1], mapping={'a': 1})
    add(machine, 'virtio-net-pci', id='net', disable_legacy=True, vectors=3, acpi_index=4)
    assert refusal(machine, 'device_add', **{'driver': 'e1000', 'acpi-index': 4}) == \
        'GenericError: a PCI device with acpi-index = 4 already exist'
    slots = {function['qdev_id']: function for function in machine.qmp.command('query-pci')[0]['devices']}
    assert slots['net']['id']['device'] == 0x1041 and slots['disk']['id']['device'] == 0x1001


def test_the_human_monitor(machine):
    assert machine.qmp.hmp('device_add') == "Error: Parameter 'driver' is missing\r\n"
    assert machine.qmp.hmp('device_add nope') == "Error: 'nope' is not a valid device model name\r\n"
    assert machine.qmp.hmp('device_add e1000,id=hm,bus=xx') == "Error: Bus 'xx' not found\r\n"
    assert 'name "e1000", bus PCI' in machine.qmp.hmp('device_add help')
    assert 'mac=<str>' in machine.qmp.hmp('device_add e1000,help')
    assert machine.qmp.hmp('device_add e1000,id=hm,mac=52:54:00:12:34:99') == ''
    assert ('hm', '52:54:00:12:34:99') in adapters(machine)
    assert machine.qmp.hmp('device_del hm') == ''
    assert machine.qmp.hmp('device_del qq') == "Error: Device 'qq' not found\r\n"
    assert machine.qmp.hmp('device_del').startswith('device_del: string expected\r\n')
    machine.qmp.command('system_reset')
    assert deleted(machine, 1) == [{'path': '/machine/peripheral/hm', 'device': 'hm'}]


def test_a_machine_on_its_way_stays_as_it_is(machine):
    machine.qmp.command('migrate', uri='exec:sleep 20; cat > /dev/null')
    assert refusal(machine, 'device_add', driver='e1000') == 'GenericError: device_add not allowed while migrating'
    assert refusal(machine, 'device_del', id='cn') == 'GenericError: device_del not allowed while migrating'
    machine.qmp.command('migrate_cancel')
    machine.qmp.command('quit')


def test_introspection_knows_the_commands(machine):
    assert {'device_add', 'device_del'} <= {command['name'] for command in machine.qmp.command('query-commands')}
    schema = {entry['name']: entry for entry in machine.qmp.command('query-qmp-schema')}
    for command, names in (('device_add', {'driver', 'bus', 'id'}), ('device_del', {'id'})):
        assert {member['name'] for member in schema[schema[command]['arg-type']]['members']} == names
    assert {member['name'] for member in schema[schema['DEVICE_DELETED']['arg-type']]['members']} == {'device', 'path'}


@pytest.mark.parametrize('order', [1, -1])
def test_devices_that_came_are_saved_with_the_machine(start, tmp_path, order):
    """They may be named in any order where the machine goes on."""
    machine = start(*OPTIONS, serial=False)
    for name, slot in (('one', '9'), ('two', '4')):
        add(machine, 'e1000', id=name, addr=slot, mac=f'52:54:00:00:00:0{slot}')
    machine.qmp.command('migrate', uri=f'exec:cat > {tmp_path}/state')
    while machine.qmp.command('query-migrate')['status'] != 'completed':
        pass
    machine.qmp.command('quit')
    devices = [('-device', f'e1000,id={name},addr={slot},mac=52:54:00:00:00:0{slot}') for name, slot in (('one', '9'), ('two', '4'))]
    machine = start(*OPTIONS, *sum(devices[::order], ()), '-incoming', f'exec:cat {tmp_path}/state', serial=False)
    while machine.qmp.command('query-status')['status'] == 'inmigrate':
        pass
    assert places(machine) == {'one': (9, 0), 'two': (4, 0)}
    machine.qmp.command('quit')


@pytest.mark.apus
@pytest.mark.parametrize('devices, sentence', [
    ((), "The state has a part 'e1000', which this machine has not"),
    (('-device', 'e1000,id=net,addr=4'), "the state's PCI devices are at 9.0, this machine's at 4.0"),
])
def test_a_machine_without_them_says_what_is_missing(start, run, tmp_path, devices, sentence):
    machine = start(*OPTIONS, serial=False)
    add(machine, 'e1000', id='net', addr='9')
    machine.qmp.command('migrate', uri=f'file:{tmp_path}/state')
    while machine.qmp.command('query-migrate')['status'] != 'completed':
        pass
    machine.qmp.command('quit')
    done = run(*OPTIONS, *devices, '-display', 'none', '-incoming', f'file:{tmp_path}/state')
    assert done.returncode == 1 and sentence in done.stderr.decode()
