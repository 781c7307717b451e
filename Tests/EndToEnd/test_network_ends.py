# SPDX-License-Identifier: Apache-2.0
"""The host's ends of wires: character devices behind guest forwarding, names that lie in no folder, ranges of ports, bridges; old spellings."""
import os
import socket
import struct
import threading

import pytest
import vm

from network import free_port, lease, start_linux

PAUSED = ('-S', '-nodefaults', '-display', 'none')


def says(run, prefix, options):
    """Status, and what stands on standard error, of a machine that quits at once."""
    done = run(*options.split(), *PAUSED, '-monitor', 'stdio', stdin=b'quit\n')
    return done.returncode, done.stderr.decode().replace(prefix + ' ', '').rstrip('\n')


def chardevs(machine):
    return {entry['label']: entry['filename'] for entry in machine.qmp.command('query-chardev')}


# Guest forwarding

RULE = 'tcp:10.0.2.100:1234-'
FAILURE = "Could not open guest forwarding device 'guestfwd.tcp.1234'"


@pytest.mark.parametrize('rule, sentences', [
    (RULE + 'foo', ["'foo' is not a valid char driver", FAILURE]), (RULE, ["'' is not a valid char driver", FAILURE]),
    (RULE + 'unix:/nonexistent', ["Failed to connect to '/nonexistent': No such file or directory", FAILURE]),
    (RULE + 'chardev:none', [FAILURE]),
    ('tcp:10.0.3.100:1234-null', ["Conflicting/invalid host:port in guest forwarding rule 'tcp:10.0.3.100:1234-null'"]),
    ('tcp:10.0.2.2:1234-null', ["Conflicting/invalid host:port in guest forwarding rule 'tcp:10.0.2.2:1234-null'"]),
    ('udp:10.0.2.100:1234-null', ["Invalid guest forwarding rule 'udp:10.0.2.100:1234-null'"]),
    ('tcp:10.0.2.100:99999-null', ["Invalid guest forwarding rule 'tcp:10.0.2.100:99999-null'"]),
    (RULE + f'null,guestfwd={RULE}null', ["attempt to add duplicate property 'guestfwd.tcp.1234' to object (type 'container')", FAILURE])])
def test_forwarding_that_cannot_be(run, prefix, rule, sentences):
    options = f'-netdev user,id=n,guestfwd={rule}'
    assert says(run, prefix, options) == (1, '\n'.join(f'{options}: {sentence}' for sentence in sentences))


def test_devices_of_forwarding_come_and_go(start, tmp_path):
    machine = start('-S', '-nodefaults', '-netdev', f'user,id=n,guestfwd={RULE}file:{tmp_path}/x', serial=False)
    assert chardevs(machine)['guestfwd.tcp.1234'] == 'file'
    machine.qmp.command('netdev_del', id='n')
    assert 'guestfwd.tcp.1234' not in chardevs(machine)
    machine.qmp.command('netdev_add', type='user', id='m', guestfwd=[{'str': RULE + 'null'}])
    assert chardevs(machine)['guestfwd.tcp.1234'] == 'null'
    machine.qmp.send({'execute': 'netdev_add', 'arguments': {'type': 'user', 'id': 'o', 'guestfwd': [{'str': 'tcp:10.0.2.9:1-foo'}]}})
    assert 'error' in machine.qmp.reply()
    machine.qmp.command('netdev_del', id='m')
    assert [label for label in chardevs(machine) if label.startswith('guestfwd')] == []


class Answerer(threading.Thread):
    """Takes one connection, and answers what comes with the same in capitals."""

    def __init__(self, listener):
        super().__init__(daemon=True)
        self.listener, self.received = listener, b''
        listener.listen(1)
        self.start()

    def run(self):
        connection, _ = self.listener.accept()
        while data := connection.recv(65536):
            self.received += data
            connection.sendall(data.upper())


@pytest.mark.long
def test_a_guest_talks_to_character_devices(start, tmp_path):
    tcp, unix = socket.socket(), socket.socket(socket.AF_UNIX)
    tcp.bind(('127.0.0.1', 0))
    unix.bind(f'{tmp_path}/u')
    ends = [Answerer(tcp), Answerer(unix)]
    machine, shell = start_linux(start, '-netdev', f'user,id=n,guestfwd=tcp:10.0.2.100:80-tcp:127.0.0.1:{tcp.getsockname()[1]},'
                                 f'guestfwd=tcp:10.0.2.101:81-unix:{tmp_path}/u,guestfwd=tcp:10.0.2.102:82-cmd:cat',
                                 '-device', 'e1000,netdev=n')
    lease(shell)
    for number, host in enumerate(('10.0.2.100 80', '10.0.2.101 81')):
        assert f'HELLO {number}' in shell.run(f'(echo hello {number}; sleep 2) | timeout 2 nc {host} 2>/dev/null; true')
        assert ends[number].received == f'hello {number}\n'.encode()
    # More than fits anywhere on the way, there and back.
    shell.run('seq 1 40000 > /tmp/numbers')
    text = shell.run('(cat /tmp/numbers; sleep 4) | timeout 4 nc 10.0.2.100 80 2>/dev/null | wc -c', timeout=60)
    assert len(ends[0].received) == len('hello 0\n') + sum(len(str(number)) + 1 for number in range(1, 40001))
    assert str(len(ends[0].received) - len('hello 0\n')) in text.split()


# Sockets

def test_names_that_lie_in_no_folder(start):
    name = f'apus-test-{os.getpid()}'
    machine = start('-S', '-nodefaults', '-chardev', f'socket,id=a,path={name},abstract=on,server=on,wait=off', '-mon', 'chardev=a,mode=control',
                    '-chardev', f'socket,id=b,path={name},abstract=on,tight=off,server=on,wait=off', serial=False)
    assert chardevs(machine)['a'] == f'disconnected:unix:{name},abstract=on,tight=on,server=on'
    assert chardevs(machine)['b'] == f'disconnected:unix:{name},abstract=on,server=on'
    assert not os.path.exists(name)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f'\0{name}')
        assert vm.QMP(client).command('query-status')['running'] is False
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f'\0{name}'.ljust(108, '\0'))
    other = start('-S', '-nodefaults', '-chardev', f'socket,id=c,path={name},abstract=on', serial=False)
    assert chardevs(other)['c'].startswith('unix:')


@pytest.mark.parametrize('options, sentence', [
    ('-chardev socket,id=c,path=apus-nobody,abstract=on', "Failed to connect to 'apus-nobody': Connection refused"),
    (f'-chardev socket,id=c,path={"x" * 108},abstract=on,server=on,wait=off',
     f"UNIX socket path '{'x' * 108}' is too long\nPath must be less than 107 bytes"),
    ('-chardev socket,id=c,host=127.0.0.1,port=PORT,to=PORT,server=on,wait=off', 'Failed to find an available port: Address already in use'),
    ('-chardev socket,id=c,host=127.0.0.1,port=PORT,to=foo,server=on,wait=off', "Parameter 'to' expects a number"),
    ('-netdev stream,id=n,server=on,addr.type=inet,addr.host=127.0.0.1,addr.port=PORT,addr.to=x', "Parameter 'addr.to' expects integer"),
    ('-netdev stream,id=n,server=on,addr.type=inet,addr.host=127.0.0.1,addr.port=PORT,addr.to=99999', "Parameter 'to' expects uint16_t"),
    ('-netdev stream,id=n,server=on,addr.type=inet,addr.host=127.0.0.1,addr.port=PORT,addr.abstract=on', "Parameter 'addr.abstract' is unexpected"),
    ('-netdev stream,id=n,server=on,addr.type=unix,addr.path=x,addr.abstract=x', "Parameter 'addr.abstract' expects 'on' or 'off'"),
    ('-netdev stream,id=n,server,addr.type=unix,addr.path=x', "Expected '=' after parameter 'server'"),
    ('-netdev tap,id=n,helper=/x,ifname=a', 'ifname=, script=, downscript=, vnet_hdr=, queues=, and vhostfds= are invalid with helper='),
    ('-netdev tap,id=n,fds=3:4,ifname=x', 'ifname=, script=, downscript=, vnet_hdr=, helper=, queues=, and vhostfd= are invalid with fds='),
    ('-netdev tap,id=n,fds=foo', "Invalid file descriptor number 'foo'"),
    ('-netdev tap,id=n,queues=x', "Parameter 'queues' expects a uint64 value"),
    ('-netdev bridge,id=n,ifname=x', "Invalid parameter 'ifname'"),
    ('-netdev bridge,id=n,helper=/bin/false', 'bridge helper failed'), ('-netdev tap,id=n,helper=/nonexistent', 'bridge helper failed')])
def test_ends_that_cannot_be(run, prefix, options, sentence):
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen(1)
        options = options.replace('PORT', str(taken.getsockname()[1]))
        assert says(run, prefix, options) == (1, f'{options}: {sentence}')


@pytest.mark.apus
@pytest.mark.parametrize('options, sentence', [
    ('-netdev tap,id=n,fds=3:4', 'tap: fds= of 2 queues is not supported: back ends have one queue here'),
    ('-netdev tap,id=n,queues=2,script=no', 'tap: queues=2 is not supported: back ends have one queue here'),
    ('-netdev tap,id=n,vhost=on', "tap: 'vhost' is not supported: this program moves the frames itself"),
    ('-chardev socket,id=c,host=127.0.0.1,port=9,to=8,server=on,wait=off',
     'Failed to find an available port: the last port of the range lies before the first')])
def test_ends_that_are_missing(run, prefix, options, sentence):
    assert says(run, prefix, options) == (1, f'{options}: {sentence}')


def test_the_first_free_port_of_a_range_is_taken(start):
    with socket.socket() as taken:
        while True:
            port = free_port()
            if port < 65000:
                break
        taken.bind(('127.0.0.1', port))
        taken.listen(1)
        machine = start('-S', '-nodefaults', '-chardev', f'socket,id=c,host=127.0.0.1,port={port},to={port + 20},server=on,wait=off',
                        '-netdev', f'stream,id=n,server=on,addr.type=inet,addr.host=127.0.0.1,addr.port={port},addr.to={port + 20}',
                        serial=False)
        got = int(chardevs(machine)['c'].rsplit(':', 1)[1].split(',')[0])
        assert port < got <= port + 20
        for number in range(port + 1, port + 21):
            if number == got:
                continue
            with socket.socket() as client:
                if client.connect_ex(('127.0.0.1', number)) == 0:
                    break
        assert machine.qmp.wait_event('NETDEV_STREAM_CONNECTED')['data']['netdev-id'] == 'n'


def test_a_wire_has_a_name_in_no_folder(start):
    name = f'apus-wire-{os.getpid()}'
    machine = start('-S', '-nodefaults', '-netdev', f'stream,id=n,server=on,addr.type=unix,addr.path={name},addr.abstract=on', serial=False)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f'\0{name}')
        assert machine.qmp.wait_event('NETDEV_STREAM_CONNECTED')['data']['netdev-id'] == 'n'
    machine.qmp.wait_event('NETDEV_STREAM_DISCONNECTED')


# Bridges

HELPER = '''#!/usr/bin/env python3
import array, fcntl, os, socket, struct, sys
with open(sys.argv[0] + '.arguments', 'w') as file:
    file.write(' '.join(sys.argv[1:]))
number = next(int(word[5:]) for word in sys.argv if word.startswith('--fd='))
tap = os.open('/dev/net/tun', os.O_RDWR)
header = 0x4000 if '--use-vnet' in sys.argv else 0
name = fcntl.ioctl(tap, 0x400454ca, struct.pack('16sH22x', b'apt%d', 0x1002 | header))[:16].rstrip(b'\\0').decode()
for command in (f'ip link set {name} up', f'ip address add 10.77.9.1/24 dev {name}'):
    os.system(command)
socket.socket(fileno=number).sendmsg([b'\\0'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [tap]))])
'''


def has_tap():
    try:
        os.close(os.open('/dev/net/tun', os.O_RDWR))
    except OSError:
        return False
    return os.geteuid() == 0


@pytest.fixture
def helper(tmp_path):
    if not has_tap():
        pytest.skip('this process may make no interfaces')
    path = tmp_path / 'helper'
    path.write_text(HELPER)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize('options, details, bridge', [
    ('bridge,id=n,helper=H', 'helper=H,br=br0', 'br0'), ('bridge,id=n,br=xx,helper=H', 'helper=H,br=xx', 'xx'),
    ('tap,id=n,br=yy,helper=H', 'helper=H', 'yy')])
def test_a_helper_makes_the_interface(start, helper, options, details, bridge):
    machine = start('-S', '-nodefaults', '-netdev', options.replace('H', str(helper)), serial=False)
    assert machine.qmp.hmp('info network').strip() == f'n: index=0,type=tap,{details}'.replace('H', str(helper))
    words = open(f'{helper}.arguments').read().split()
    assert words[0] == '--use-vnet' and words[1].startswith('--fd=') and words[2] == f'--br={bridge}'


@pytest.mark.long
def test_a_guest_is_on_the_bridge(start, helper):
    machine, shell = start_linux(start, '-netdev', f'bridge,id=n,helper={helper}', '-device', 'e1000,netdev=n')
    shell.run('ip address add 10.77.9.2/24 dev eth0; ip link set eth0 up')
    assert ' 0% packet loss' in shell.run('ping -c 3 -W 10 10.77.9.1', timeout=60)


# Old spellings

@pytest.mark.parametrize('options, words', [
    ('-netdev user,id=n,restrict', [('restrict', 'restrict=on')]), ('-netdev user,id=n,norestrict', [('norestrict', 'restrict=off')]),
    ('-netdev user,id=n,restrict,ipv4', [('restrict', 'restrict=on'), ('ipv4', 'ipv4=on')]),
    ('-chardev socket,id=c,host=127.0.0.1,port=0,server,nowait', [('server', 'server=on'), ('nowait', 'wait=off')]),
    ('-chardev null,id=n,mux', [('mux', 'mux=on')]), ('-device e1000,nomitigation', [('nomitigation', 'mitigation=off')]),
    ('-drive readonly,driver=null-co,if=none', [('readonly', 'readonly=on')]), ('-nic user,restrict', [('restrict', 'restrict=on')]),
    ('-serial tcp:127.0.0.1:0,server,nowait', [])])
def test_switches_without_a_value_are_warned_of(run, prefix, options, words):
    status, text = says(run, prefix, options)
    found = [line for line in text.split('\n') if 'short-form' in line or line.startswith('Please')]
    assert status == 0 and found == [
        line for word, right in words for line in (
            f"{options}: warning: short-form boolean option '{word}' deprecated", f'Please use {right} instead')]
