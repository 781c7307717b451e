# SPDX-License-Identifier: Apache-2.0
"""Linux with Debian's own e1000 driver on user networking: addresses, names, and bytes both ways. Loopback only."""
import os
import re
import socket
import struct
import subprocess
import urllib.request

import pytest
from linux import APPEND, PATIENCE, medium
from network import boot_linux, contents, digest, free_port, guest_options, lease, move_with_its_network, start_linux, web_server

MIB = 1 << 20


def pcap_frames(path):
    """The frames of a capture file of microseconds in this host's byte order."""
    data = path.read_bytes()
    magic, major, minor, _, _, limit, link = struct.unpack('<IHHiIII', data[:24])
    assert (magic, major, minor, link) == (0xa1b2c3d4, 2, 4, 1)
    frames, position = [], 24
    while position < len(data):
        _, _, kept, length = struct.unpack('<IIII', data[position:position + 16])
        assert kept == min(length, limit)
        frames.append(data[position + 16:position + 16 + kept])
        position += 16 + kept
    return frames


def test_linux_gets_an_address_and_what_passes_is_recorded(start, tmp_path):
    file = tmp_path / 'frames.pcap'
    machine, shell = start_linux(start, '-netdev', 'user,id=n0,net=192.168.76.0/24,dhcpstart=192.168.76.9',
                                 '-device', 'e1000,netdev=n0,mac=52:54:00:aa:bb:cc',
                                 '-object', f'filter-dump,id=d0,netdev=n0,file={file}')
    assert shell.run('cat /sys/class/net/eth0/address') == '52:54:00:aa:bb:cc\n'
    assert lease(shell) == ('192.168.76.9', '192.168.76.2', '192.168.76.3')
    assert '0% packet loss' in shell.run('ping -c 3 -i 0.2 192.168.76.2')
    assert shell.run('cat /sys/class/net/eth0/speed /sys/class/net/eth0/duplex') == '1000\nfull\n'
    machine.qmp.command('quit')
    machine.process.wait(10)
    echoes = [frame for frame in pcap_frames(file) if frame[12:14] == b'\x08\x00' and frame[23] == 1]
    assert [frame[34] for frame in echoes[:6]] == [8, 0, 8, 0, 8, 0]
    listed = subprocess.run(['tshark', '-n', '-r', file, '-Y', 'icmp'], capture_output=True, text=True)
    assert listed.stdout.count('Echo (ping) reply') == 3, listed.stderr


@pytest.mark.long
@pytest.mark.parametrize('size', [64 * MIB, 256 * MIB])
def test_downloads_and_uploads_arrive_whole(start, tmp_path, size):
    data = contents(size)
    (tmp_path / 'data').write_bytes(data)
    machine, shell = start_linux(start, '-nic', 'user,model=e1000', memory=str(128 + 2 * size // MIB))
    lease(shell)
    with web_server(tmp_path) as port:
        assert shell.run(f'wget -q -O - http://10.0.2.2:{port}/data | sha256sum', timeout=PATIENCE).split()[0] == digest(data)
    with socket.create_server(('127.0.0.1', 0)) as server:
        shell.wait_prompt()
        shell.send(f'dd if=/dev/urandom of=/tmp/up bs=1M count={size // MIB // 2} 2>/dev/null; sha256sum /tmp/up; '
                   f'nc 10.0.2.2 {server.getsockname()[1]} < /tmp/up')
        shell.wait('\n')
        expected = shell.wait('/tmp/up').split()[0]
        connection = server.accept()[0]
        with connection:
            received = bytearray()
            while len(received) < size // 2:
                part = connection.recv(1 << 20)
                assert part, f'the upload ended after {len(received)} bytes'
                received += part
    assert digest(bytes(received)) == expected


@pytest.mark.parametrize('count', [200, pytest.param(1000, marks=pytest.mark.long)])
def test_the_host_reaches_the_guest_through_a_forwarded_port(start, count):
    port = free_port()
    machine, shell = start_linux(start, '-nic', f'user,model=e1000,hostfwd=tcp:127.0.0.1:{port}-:80')
    lease(shell)
    shell.run('mkdir -p /tmp/www && dd if=/dev/urandom of=/tmp/www/data bs=1k count=300 2>/dev/null && echo short > /tmp/www/short')
    expected = shell.run('sha256sum /tmp/www/data').split()[0]
    shell.run('httpd -h /tmp/www')
    with urllib.request.urlopen(f'http://127.0.0.1:{port}/data', timeout=60) as reply:
        assert digest(reply.read()) == expected
    for number in range(count):
        with urllib.request.urlopen(f'http://127.0.0.1:{port}/short', timeout=60) as reply:
            assert reply.read() == b'short\n', f'connection {number}'


@pytest.mark.long
def test_a_restricted_network_has_no_way_out(start):
    machine, shell = start_linux(start, '-nic', 'user,model=e1000,restrict=on')
    shell.run('ip link set eth0 up')
    text = shell.run('udhcpc -i eth0 -n -q -t 8 -T 2 -s /etc/udhcpc.script 2>/dev/null', timeout=120)
    assert text.split() == ['lease', '10.0.2.15', 'router', 'dns']


@pytest.mark.long
def test_a_pulled_cable_is_seen_and_comes_back(start):
    machine, shell = start_linux(start, '-netdev', 'user,id=n0', '-device', 'e1000,netdev=n0,id=nic0')
    lease(shell)
    assert shell.run('cat /sys/class/net/eth0/carrier') == '1\n'
    assert machine.qmp.hmp('set_link nic0 off') == ''
    shell.run('until [ "$(cat /sys/class/net/eth0/carrier)" = 0 ]; do sleep 0.1; done', timeout=60)
    assert machine.qmp.hmp('set_link n0 on') == ''
    shell.run('until [ "$(cat /sys/class/net/eth0/carrier)" = 1 ]; do sleep 0.1; done', timeout=60)
    assert '0% packet loss' in shell.run('ping -c 2 -W 10 10.0.2.2')


@pytest.mark.long
@pytest.mark.parametrize('wire', ['socket', 'udp', 'unix'])
def test_two_machines_talk_over_a_socket(start, tmp_path, wire):
    port, other = free_port(), free_port(socket.SOCK_DGRAM)
    ends = {
        'socket': (f'socket,id=n0,listen=127.0.0.1:{port}', f'socket,id=n0,connect=127.0.0.1:{port}'),
        'udp': (f'socket,id=n0,udp=127.0.0.1:{port},localaddr=127.0.0.1:{other}',
                f'socket,id=n0,udp=127.0.0.1:{other},localaddr=127.0.0.1:{port}'),
        'unix': (f'stream,id=n0,server=on,addr.type=unix,addr.path={tmp_path}/wire',
                 f'stream,id=n0,server=off,addr.type=unix,addr.path={tmp_path}/wire'),
    }[wire]
    shells = []
    for number, end in enumerate(ends):
        _, shell = start_linux(start, '-netdev', end, '-device', f'e1000,netdev=n0,mac=52:54:00:00:00:0{number + 1}', memory='128')
        shell.run(f'ip addr add 10.9.0.{number + 1}/24 dev eth0 && ip link set eth0 up')
        shells.append(shell)
    one, two = shells
    assert '0% packet loss' in two.run('ping -c 3 -W 20 10.9.0.1', timeout=90)
    expected = one.run('dd if=/dev/urandom of=/tmp/data bs=64k count=32 2>/dev/null; sha256sum /tmp/data').split()[0]
    one.run('httpd -h /tmp')
    assert two.run('wget -q -O - http://10.9.0.1/data | sha256sum', timeout=90).split()[0] == expected


@pytest.mark.long
@pytest.mark.apus
def test_a_saved_machine_is_on_the_network_again(start, tmp_path):
    """Connections of the user network are gone, the adapter and what the guest knows are not."""
    arguments = guest_options('-nic', 'user,model=e1000')
    move_with_its_network(start, tmp_path, arguments, *boot_linux(start, arguments))


def test_ipxe_boots_a_kernel_over_tftp(start, tmp_path):
    os.symlink(medium('amd64', 'vmlinuz'), tmp_path / 'vmlinuz')
    os.symlink(medium('amd64', 'initrd.gz'), tmp_path / 'initrd.gz')
    (tmp_path / 'boot.ipxe').write_text(
        f'#!ipxe\nkernel tftp://10.0.2.2/vmlinuz initrd=initrd.gz {APPEND} quiet\ninitrd tftp://10.0.2.2/initrd.gz\nboot\n')
    machine = start('-m', '256', '-boot', 'n', '-nic', f'user,model=e1000,tftp={tmp_path},bootfile=boot.ipxe')
    machine.serial.wait('initramfs: ready', timeout=PATIENCE)


def test_the_default_adapter_is_an_e1000_on_user_networking(start):
    machine = start('-S', '-display', 'none', defaults=False)
    listing = machine.qmp.hmp('info network').replace('\r', '')
    assert re.fullmatch(r'hub 0\n \\ hub0port1: #net\d+: index=0,type=user,net=10.0.2.0,restrict=off\n'
                        r' \\ hub0port0: e1000.0: index=0,type=nic,model=e1000,macaddr=52:54:00:12:34:56\n', listing)
    adapter = next(d for d in machine.qmp.command('query-pci')[0]['devices'] if d['slot'] == 3)
    assert adapter['id'] == {'device': 0x100e, 'vendor': 0x8086, 'subsystem': 0x1100, 'subsystem-vendor': 0x1af4}
    assert [(r['bar'], r['size'], r['type']) for r in adapter['regions']] == [
        (0, 0x20000, 'memory'), (1, 64, 'io'), (6, 0x40000, 'memory')]


def test_the_firmware_maps_the_adapter(start):
    machine = start('-m', '64', '-display', 'none', defaults=False)
    while True:
        adapter = next(d for d in machine.qmp.command('query-pci')[0]['devices'] if d['slot'] == 3)
        if adapter['regions'][0]['address'] > 0 and adapter['irq'] == 11:
            break
    assert (adapter['regions'][0]['address'], adapter['regions'][1]['address']) == (0xfebc0000, 0xc000)


def test_forwarding_rules_come_and_go_and_tell_their_ports(start):
    machine = start('-S', '-netdev', 'user,id=n0', '-device', 'e1000,netdev=n0')
    assert machine.qmp.hmp('hostfwd_add n0 tcp:127.0.0.1:0-:22') == ''
    rule = re.search(r'TCP\[HOST_FORWARD\] +\d+ +127.0.0.1 +(\d+) +10.0.2.15 +22 ', machine.qmp.hmp('info usernet'))
    with socket.create_connection(('127.0.0.1', int(rule[1]))):
        pass
    assert machine.qmp.hmp(f'hostfwd_remove n0 tcp:127.0.0.1:{rule[1]}') == \
        f'host forwarding rule for tcp:127.0.0.1:{rule[1]} removed\r\n'
    assert 'HOST_FORWARD' not in machine.qmp.hmp('info usernet')
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(('127.0.0.1', int(rule[1])))


@pytest.mark.apus
def test_a_picked_port_is_told_over_qmp(start):
    machine = start('-S', '-netdev', 'user,id=n0,hostfwd=tcp:127.0.0.1:0-:22,hostfwd=udp::0-10.0.2.20:53', '-device', 'e1000,netdev=n0')
    rules = machine.qmp.command('__org.apus_query-hostfwd')
    assert all(rule.pop('host-port') > 0 for rule in rules)
    assert sorted(rules, key=lambda rule: rule['protocol']) == [
        {'netdev': 'n0', 'protocol': 'tcp', 'host-address': '127.0.0.1', 'guest-address': '10.0.2.15', 'guest-port': 22},
        {'netdev': 'n0', 'protocol': 'udp', 'host-address': '', 'guest-address': '10.0.2.20', 'guest-port': 53}]


def test_back_ends_come_and_go_over_qmp(start):
    import vm
    machine = start('-S')
    qmp = machine.qmp
    qmp.command('netdev_add', type='user', id='n1', hostfwd=[{'str': 'tcp:127.0.0.1:0-:80'}])
    assert 'n1: index=0,type=user,net=10.0.2.0,restrict=off' in qmp.hmp('info network')
    for arguments, sentence in [
            ({'type': 'user', 'id': 'n1'}, "Duplicate ID 'n1'"),
            ({'type': 'user', 'id': 'z', 'hostfwd': [{'str': 'tcp::1-'}]},
             "Invalid host forwarding rule 'tcp::1-' (Missing guest address)"),
            ({'type': 'user'}, "Parameter 'id' is missing"),
            ({'type': 'fo', 'id': 'a'}, "Parameter 'type' does not accept value 'fo'"),
            ({'type': 'user', 'id': 'k', 'foo': 1}, "Parameter 'foo' is unexpected")]:
        with pytest.raises(vm.QMPError) as caught:
            qmp.command('netdev_add', **arguments)
        assert caught.value.description == sentence
    qmp.command('netdev_del', id='n1')
    for name, arguments in [('netdev_del', {'id': 'n1'}), ('set_link', {'name': 'n1', 'up': True})]:
        qmp.send({'execute': name, 'arguments': arguments})
        assert qmp.reply()['error'] == {'class': 'DeviceNotFound', 'desc': "Device 'n1' not found"}
    assert qmp.command('query-rx-filter') == []
