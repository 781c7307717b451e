# SPDX-License-Identifier: Apache-2.0
"""What the options of network back ends, adapters and records say, and what monitors do with them."""
import socket
import struct
import time

import pytest
import vm

PAUSED = ('-S', '-nodefaults', '-display', 'none')


def says(run, prefix, options):
    """Status, and what stands on standard error without the program's name, of a machine that quits at once."""
    done = run(*options.split(), *PAUSED, '-monitor', 'stdio', stdin=b'quit\n')
    return done.returncode, done.stderr.decode().replace(prefix + ' ', '').replace(prefix, '').rstrip('\n')


@pytest.mark.parametrize('options, sentence', [
    ('-netdev socket,id=n,fd=foo', "Invalid file descriptor number 'foo'"),
    ('-netdev socket,id=n,fd=0', "can't get socket option SO_TYPE"),
    ('-netdev dgram,id=n,local.type=fd,local.str=foo', "Invalid file descriptor number 'foo'"),
    ('-netdev dgram,id=n,local.type=fd,local.str=0', 'Unable to query local socket address: Socket operation on non-socket'),
    ('-netdev dgram,id=n,local.type=fd,local.str=0,remote.type=inet,remote.host=127.0.0.1,remote.port=1', "don't set remote with local.fd"),
    ('-netdev dgram,id=n,local.type=inet,local.host=127.0.0.1,local.port=1,remote.type=unix,remote.path=/tmp/r',
     'remote and local types must be the same'),
    ('-netdev dgram,id=n,remote.type=inet,remote.host=230.0.0.1,remote.port=5556,local.type=unix,local.path=/tmp/zz',
     'only support inet or fd type for local'),
    ('-netdev socket,id=n,mcast=230.0.0.1:1234,localaddr=foo', "localaddr 'foo' is not a valid IPv4 address"),
    ('-netdev stream,id=n,addr.type=foo', "Parameter 'type' does not accept value 'foo'"),
    ('-netdev tap,id=n,fd=foo', "Invalid file descriptor number 'foo'"),
    ('-netdev tap,id=n,fd=0', 'Unable to query TUNGETIFF on FD 0: Inappropriate ioctl for device'),
    ('-netdev tap,id=n,fd=0,vnet_hdr=on',
     'ifname=, script=, downscript=, vnet_hdr=, helper=, queues=, fds=, and vhostfds= are invalid with fd='),
    ('-netdev tap,id=n,sndbuf=foo,script=no', "Parameter 'sndbuf' expects a size value"),
    ('-netdev hubport,id=n,hubid=foo', "Parameter 'hubid' expects an int64 value"),
    ('-netdev user,id=n,net=10.0.2.0/foo', 'Failed to parse netmask (trailing chars)'),
    ('-netdev user,id=n,ipv6-prefixlen=foo', "Parameter 'ipv6-prefixlen' expects an int64 value"),
    ('-netdev none,id=n', "network backend 'none' is not compiled into this binary"),
    ('-net hubport,hubid=0', "network backend 'hubport' is only supported with -netdev/-nic"),
    ('-net user,name=bar', "Invalid parameter 'name'"),
    ('-net user,id=foo -net user,id=foo', "Duplicate ID 'foo' for net"),
    ('-device e1000,romsize=1000', 'ROM size 1000 is not a power of two'),
    ('-device e1000,romsize=1024', 'romfile "efi-e1000.rom" (249856 bytes) is too large for ROM size 1024'),
    ('-device virtio-net-pci,failover_pair_id=x', 'failover primary device must be on PCIExpress bus'),
    ('-device virtio-net-pci,host_mtu=99999', "Parameter 'host_mtu' expects uint16_t"),
    ('-device virtio-net-pci,speed=foo', "Parameter 'speed' expects integer"),
    ('-netdev user,id=n -object filter-dump,id=d,netdev=n,file=FILE,queue=foo', "Parameter 'queue' does not accept value 'foo'"),
    ('-netdev user,id=n -object filter-dump,id=d,netdev=n,file=FILE,maxlen=foo', "Parameter 'maxlen' expects a uint64 value"),
    ('-netdev user,id=n -object filter-dump,id=d,netdev=n,file=FILE,foo=bar', "Invalid parameter 'foo'"),
    ('-netdev user,id=n -object filter-dump,id=d,netdev=n,file=FILE -object filter-dump,id=d,netdev=n,file=FILE',
     "Duplicate ID 'd' for object"),
])
def test_mistakes_are_named_with_their_option(run, prefix, tmp_path, options, sentence):
    options = options.replace('FILE', str(tmp_path / 'x'))
    last = ' '.join(options.split()[-2:])
    assert says(run, prefix, options) == (1, f'{last}: {sentence}')


@pytest.mark.parametrize('options, sentence', [
    ('-netdev user,id=n,file=x', None),
    ('-netdev user,id=n -object filter-dump,id=d,netdev=n,file=FILE,maxlen=0', "Property 'filter-dump.maxlen' doesn't take value '0'"),
    ('-netdev user,id=n -object filter-dump,id=d,netdev=n,file=FILE,status=foo',
     "Invalid value for netfilter status, should be 'on' or 'off'"),
    ('-netdev user,id=n -object filter-dump,id=d,netdev=n,file=FILE,position=id=d1', "filter 'd1' not found"),
])
def test_some_mistakes_are_not(run, prefix, tmp_path, options, sentence):
    options = options.replace('FILE', str(tmp_path / 'x'))
    assert says(run, prefix, options) == (1, sentence or f"{options}: Invalid parameter 'file'")


@pytest.mark.parametrize('options, warning', [
    ('-netdev user,id=n0,id=n1', 'netdev n0 has no peer'),
    ('-netdev user,id=n,ipv6-dns=fed0::1', 'netdev n has no peer'),
    ('-netdev user,id=n,hostfwd=tcp:127.0.0.1:0x0-:0x16', 'netdev n has no peer'),
    ('-netdev user,id=n,guestfwd=tcp::80-cmd:cat', 'netdev n has no peer'),
    ('-netdev stream,id=n,server=on,addr.type=inet,addr.host=127.0.0.1,addr.port=0,addr.numeric=on,addr.keep-alive=on', 'netdev n has no peer'),
    ('-netdev hubport,id=n,hubid=0', 'hub port n has no peer\nwarning: netdev n has no peer'),
    ('-nic user,mac=52:54:0:12:34:5', None),
    ('-nic user,mac=0x123457', None),
    ('-device e1000,mitigation=off,extra_mac_registers=off,init-vet=off,migrate_tso_props=off,autonegotiation=off', 'nic e1000.0 has no peer'),
    ('-device virtio-net-pci,mq=on,rss=on,hash=on,guest_rsc_ext=on,x-txburst=-5,tx=timer', 'nic virtio-net-pci.0 has no peer'),
    ('-device virtio-net-pci,iommu_platform=on,disable-legacy=on,ats=on,aer=on,page-per-vq=on', 'nic virtio-net-pci.0 has no peer'),
    ('-device e1000,addr=4.1 -device pvpanic-pci,addr=4.7 -device virtio-net-pci,addr=4,multifunction=on',
     'nic e1000.0 has no peer\nwarning: nic virtio-net-pci.0 has no peer'),
    ('-device pvpanic-pci,multifunction=on,addr=9 -device e1000,addr=9.3', 'nic e1000.0 has no peer'),
])
def test_what_is_taken(run, prefix, options, warning):
    assert says(run, prefix, options) == (0, f'warning: {warning}' if warning else '')


def test_help_names_every_property(run):
    for driver, names in (('virtio-net-pci', ('rss', 'hash', 'mq', 'failover', 'guest_rsc_ext', 'x-txtimer', 'virtio-backend')),
                          ('pvpanic-pci', ('multifunction', 'acpi-index', 'events'))):
        text = run('-device', f'{driver},help').stdout.decode()
        assert all(f'  {name}=' in text for name in names)
    assert run('-object', 'filter-dump,help').stdout.decode() == (
        'filter-dump options:\n  file=<string>\n  insert=<string>\n  maxlen=<uint32>\n  netdev=<string>\n  position=<string>\n'
        '  queue=<NetFilterDirection>\n  status=<string>\n')
    assert 'filter-dump\n' in run('-object', 'help').stdout.decode()


@pytest.mark.parametrize('properties, length', [('', 32), ('mq=on', 64), ('host_mtu=1400', 64), ('rss=on', 64), ('hash=on', 64),
                                                ('guest_rsc_ext=on', 32)])
def test_fields_of_the_configuration_make_room(start, properties, length):
    machine = start(*PAUSED, '-device', f'virtio-net-pci,id=v,{properties}'.rstrip(','), serial=False)
    function = machine.qmp.command('query-pci')[0]['devices'][-1]
    assert function['qdev_id'] == 'v'
    assert [(region['bar'], region['size']) for region in function['regions'][:1]] == [(0, length)]


def test_a_page_for_each_queue(start):
    machine = start(*PAUSED, '-device', 'virtio-net-pci,id=v,page-per-vq=on', serial=False)
    sizes = {region['bar']: region['size'] for region in machine.qmp.command('query-pci')[0]['devices'][-1]['regions']}
    assert sizes[4] == 8 << 20


def test_descriptors_have_names(start):
    """As libvirt adds a back end: the descriptor comes first, under a name."""
    machine = start(*PAUSED, serial=False)
    for kind in ('socket', 'stream'):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            machine.qmp.pass_descriptor('wire', theirs.fileno())
            arguments = {'fd': 'wire'} if kind == 'socket' else {'addr': {'type': 'fd', 'str': 'wire'}}
            machine.qmp.command('netdev_add', type=kind, id=kind, **arguments)
            assert f'{kind}: index=0,type={kind},' in machine.qmp.hmp('info network')
            if kind == 'stream':                             # QEMU's finds out later, and tells nobody
                continue
            with pytest.raises(vm.QMPError) as caught:
                machine.qmp.command('netdev_add', type=kind, id='again', **arguments)
            assert caught.value.description == "File descriptor named 'wire' has not been found"


def frames_of(path):
    data, position, frames = path.read_bytes(), 24, []
    while position < len(data):
        kept, = struct.unpack('<I', data[position + 8:position + 12])
        frames.append(data[position + 16:position + 16 + kept])
        position += 16 + kept
    return frames


@pytest.mark.parametrize('way', ['qmp', 'hmp'])
def test_adapters_announce_themselves(start, tmp_path, way):
    """A reverse ARP request from each adapter, as switches want it; records show which way a frame went."""
    files = {name: tmp_path / f'{name}.pcap' for name in ('all', 'rx', 'tx', 'off')}
    dumps = sum((['-object', f'filter-dump,id={name},netdev=n0,file={file},' + ('status=off' if name == 'off' else f'queue={name}')]
                 for name, file in files.items()), [])
    machine = start('-m', '32', '-netdev', 'user,id=n0', '-device', 'e1000,netdev=n0,id=a,mac=52:54:00:00:00:0a', '-netdev', 'user,id=n1',
                    '-device', 'virtio-net-pci,netdev=n1,id=b', *dumps, serial=False)
    if way == 'qmp':
        with pytest.raises(vm.QMPError) as caught:
            machine.qmp.command('announce-self', initial=50)
        assert caught.value.description.startswith("Parameter '")
        machine.qmp.command('announce-self', initial=1, max=1, rounds=3, step=1, interfaces=['a'], id='x')
    else:
        machine.qmp.command('migrate-set-parameters', announce_initial=1, announce_max=1, announce_rounds=3, announce_step=1)
        assert machine.qmp.hmp('announce_self a') == ''
    address = bytes.fromhex('52540000000a')
    expected = b'\xff' * 6 + address + bytes.fromhex('80350001080006040003') + (address + bytes(4)) * 2 + bytes(18)
    end = time.monotonic() + 20
    while len(frames_of(files['all'])) < 3 and time.monotonic() < end:
        time.sleep(0.05)
    machine.qmp.command('quit')
    machine.wait_exit()
    assert frames_of(files['all']) == frames_of(files['rx']) == [expected] * 3
    assert frames_of(files['tx']) == frames_of(files['off']) == []


def test_a_stream_tells_who_comes_and_who_leaves(start, tmp_path):
    machine = start(*PAUSED, '-netdev', f'stream,id=s,server=on,addr.type=unix,addr.path={tmp_path}/w', serial=False)
    qmp = machine.qmp

    def expect(connected, name, kind=None):
        data = qmp.wait_event('NETDEV_STREAM_CONNECTED' if connected else 'NETDEV_STREAM_DISCONNECTED')['data']
        assert data['netdev-id'] == name and (kind is None or data['addr']['type'] == kind)
        return data.get('addr')

    for _ in range(2):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / 'w'))
            assert expect(True, 's', 'unix')['path'] == str(tmp_path / 'w')
            assert f's: index=0,type=stream,unix:{tmp_path}/w' in qmp.hmp('info network')
        expect(False, 's')
    with socket.create_server(('127.0.0.1', 0)) as server:
        port = server.getsockname()[1]
        qmp.command('netdev_add', type='stream', id='c', server=False, addr={'type': 'inet', 'host': '127.0.0.1', 'port': str(port)})
        connection = server.accept()[0]
        assert expect(True, 'c', 'inet') == {'type': 'inet', 'host': '127.0.0.1', 'port': str(port), 'ipv4': True}
        connection.close()
        expect(False, 'c')
    qmp.command('netdev_del', id='c')


def test_a_machine_that_moved_tells_the_network(start, tmp_path):
    """Five times in the first second, wherever it came from."""
    file = tmp_path / 'frames.pcap'
    options = ('-m', '32', '-netdev', 'user,id=n0', '-device', 'e1000,netdev=n0,mac=52:54:00:00:00:0a')
    machine = start(*options, serial=False)
    machine.qmp.command('migrate', uri=f'exec:cat > {tmp_path}/state')
    while machine.qmp.command('query-migrate')['status'] != 'completed':
        time.sleep(0.02)
    machine.qmp.command('quit')
    machine = start(*options, '-object', f'filter-dump,id=d,netdev=n0,file={file}', '-incoming', f'exec:cat {tmp_path}/state', serial=False)

    def announcements():
        return [frame for frame in frames_of(file) if frame[12:14] == b'\x80\x35']

    end = time.monotonic() + 20
    while len(announcements()) < 5 and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.5)
    machine.qmp.command('quit')
    machine.wait_exit()
    assert [frame[6:12] for frame in announcements()] == [bytes.fromhex('52540000000a')] * 5
