# SPDX-License-Identifier: Apache-2.0
"""Linux with Debian's own virtio_net driver on user networking. Loopback only."""
import os
import subprocess
import urllib.request

import pytest
from linux import APPEND, PATIENCE, medium
from network import boot_linux, contents, digest, free_port, guest_options, lease, move_with_its_network, start_linux, web_server
from test_exact_runs import COUNTING
import vm

MIB = 1 << 20
DRIVER = 'virtio_pci && modprobe virtio_net'


def test_linux_gets_an_address_and_talks_both_ways(start, tmp_path):
    port = free_port()
    machine, shell = start_linux(start, '-netdev', f'user,id=n0,hostfwd=tcp:127.0.0.1:{port}-:80', '-device',
                                 'virtio-net-pci,netdev=n0,id=nic0,mac=52:54:00:aa:bb:cc', driver=DRIVER)
    assert shell.run('cat /sys/class/net/eth0/address') == '52:54:00:aa:bb:cc\n'
    assert lease(shell) == ('10.0.2.15', '10.0.2.2', '10.0.2.3')
    assert '0% packet loss' in shell.run('ping -c 3 -i 0.2 10.0.2.2')
    changed = machine.qmp.wait_event('NIC_RX_FILTER_CHANGED')['data']
    assert changed == {'name': 'nic0', 'path': '/machine/peripheral/nic0/virtio-backend'}
    report, = machine.qmp.command('query-rx-filter')
    assert (report['main-mac'], report['promiscuous'], report['vlan']) == ('52:54:00:aa:bb:cc', False, 'normal')
    assert '01:00:5e:00:00:01' in report['multicast-table']
    data = contents(4 * MIB)
    (tmp_path / 'data').write_bytes(data)
    with web_server(tmp_path) as server:
        assert shell.run(f'wget -q -O /tmp/data http://10.0.2.2:{server}/data; sha256sum /tmp/data', timeout=PATIENCE).split()[0] == digest(data)
    shell.run('httpd -h /tmp')
    with urllib.request.urlopen(f'http://127.0.0.1:{port}/data', timeout=60) as reply:
        assert digest(reply.read()) == digest(data)
    machine.qmp.hmp('set_link nic0 off')
    shell.run('until [ "$(cat /sys/class/net/eth0/carrier)" = 0 ]; do sleep 0.1; done', timeout=60)
    machine.qmp.hmp('set_link nic0 on')
    assert '0% packet loss' in shell.run('ping -c 2 -W 10 10.0.2.2')


@pytest.mark.long
def test_linux_announces_itself_when_it_is_asked(start, tmp_path):
    """A gratuitous ARP by the guest, besides the adapter's own frame."""
    file = tmp_path / 'frames.pcap'
    machine, shell = start_linux(start, '-netdev', 'user,id=n0', '-device', 'virtio-net-pci,netdev=n0,id=nic0',
                                 '-object', f'filter-dump,id=d0,netdev=n0,file={file},queue=rx', driver=DRIVER)
    shell.run('ip addr add 10.0.2.15/24 dev eth0 && ip link set eth0 up && sleep 1')
    before = len(file.read_bytes())
    machine.qmp.command('announce-self', initial=50, max=100, rounds=2, step=50)
    shell.run('sleep 2')
    data, position, arps, announcements = file.read_bytes(), before, 0, 0
    while position < len(data):
        kept = int.from_bytes(data[position + 8:position + 12], 'little')
        frame = data[position + 16:position + 16 + kept]
        announcements += frame[12:14] == b'\x80\x35'
        arps += frame[12:14] == b'\x08\x06' and frame[28:32] == frame[38:42] == bytes([10, 0, 2, 15])
        position += 16 + kept
    assert announcements == 2 and arps >= 1


@pytest.mark.long
@pytest.mark.parametrize('properties', ['disable-modern=on', 'disable-legacy=on', 'packed=on', 'mrg_rxbuf=off', 'csum=off',
                                        'vectors=0', 'ctrl_vq=off'])
def test_every_kind_of_driver_gets_bytes_whole(start, tmp_path, properties):
    data = contents(8 * MIB)
    (tmp_path / 'data').write_bytes(data)
    machine, shell = start_linux(start, '-netdev', 'user,id=n0', '-device', f'virtio-net-pci,netdev=n0,{properties}', driver=DRIVER)
    lease(shell)
    with web_server(tmp_path) as server:
        assert shell.run(f'wget -q -O - http://10.0.2.2:{server}/data | sha256sum', timeout=PATIENCE).split()[0] == digest(data)


@pytest.mark.long
def test_a_large_download_arrives_whole(start, tmp_path):
    data = contents(256 * MIB)
    (tmp_path / 'data').write_bytes(data)
    machine, shell = start_linux(start, '-nic', 'user,model=virtio', driver=DRIVER)
    lease(shell)
    with web_server(tmp_path) as server:
        assert shell.run(f'wget -q -O - http://10.0.2.2:{server}/data | sha256sum', timeout=PATIENCE).split()[0] == digest(data)


@pytest.mark.long
@pytest.mark.apus
def test_a_saved_machine_is_on_the_network_again(start, tmp_path):
    arguments = guest_options('-nic', 'user,model=virtio')
    move_with_its_network(start, tmp_path, arguments, *boot_linux(start, arguments, DRIVER))


@pytest.mark.apus
def test_a_counted_run_of_its_boot_rom_is_repeatable():
    """iPXE sends into a hub with nobody but another adapter in it."""
    options = (*COUNTING, '-m', '64', '-boot', 'n', '-netdev', 'hubport,id=a,hubid=1', '-netdev', 'hubport,id=b,hubid=1',
               '-device', 'virtio-net-pci,netdev=a', '-device', 'virtio-net-pci,netdev=b')
    program = os.environ.get('EXACT_RUN') or os.path.join(os.path.dirname(vm.emulator()), 'exact-run')
    # It warns of a hub without a network of the host.
    one, two = (subprocess.run([program, str(300 * 10 ** 6), '--', *options, '-serial', 'null'], capture_output=True, timeout=300)
                for _ in range(2))
    assert one.returncode == 0 and one.stdout and one.stdout == two.stdout


@pytest.mark.long
def test_ipxe_boots_over_tftp(start, tmp_path):
    os.symlink(medium('amd64', 'vmlinuz'), tmp_path / 'vmlinuz')
    os.symlink(medium('amd64', 'initrd.gz'), tmp_path / 'initrd.gz')
    (tmp_path / 'boot.ipxe').write_text(
        f'#!ipxe\nkernel tftp://10.0.2.2/vmlinuz initrd=initrd.gz {APPEND} quiet\ninitrd tftp://10.0.2.2/initrd.gz\nboot\n')
    machine = start('-m', '256', '-boot', 'n', '-nic', f'user,model=virtio,tftp={tmp_path},bootfile=boot.ipxe')
    machine.serial.wait('initramfs: ready', timeout=PATIENCE)
