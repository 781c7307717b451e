# SPDX-License-Identifier: Apache-2.0
"""Machines that wait for another: addresses, broken and hostile streams, what is told meanwhile."""
import socket

import pytest
import vm
from migration import drive, migrated, receiver, run_state, take_events, turn_on, wait_status


# ---- hostile and broken streams ---------------------------------------------------------------------------------------

def refused(run, uri, *arguments):
    done = run(*drive('idle'), '-nic', 'none', '-display', 'none', *arguments, '-incoming', uri)
    assert done.returncode == 1
    return done.stderr.decode()


@pytest.mark.parametrize('command', ['echo this is no machine', 'head -c 100000 /dev/zero'])
def test_garbage_ends_the_process(run, prefix, command):
    text = refused(run, f'exec:{command}')
    assert text.splitlines()[-1] == f'{prefix} load of migration failed: Invalid argument'
    assert len(text.splitlines()) == 2


@pytest.mark.parametrize('part', [pytest.param(0, marks=pytest.mark.apus), 5000, 0.5,
                                  pytest.param(0.999, marks=pytest.mark.apus)])
def test_a_stream_that_ends_early_ends_the_process(guest, run, prefix, tmp_path, part):
    migrated(guest('idle'), f'exec:cat > {tmp_path}/state')
    data = (tmp_path / 'state').read_bytes()
    (tmp_path / 'state').write_bytes(data[:part if part > 1 else int(len(data) * part)])
    text = refused(run, f'exec:cat {tmp_path}/state')
    assert text.splitlines()[-1].startswith(f'{prefix} load of migration failed: ')


@pytest.mark.apus
def test_a_damaged_state_file_ends_the_process(guest, run, tmp_path):
    migrated(guest('idle'), f'file:{tmp_path}/state')
    data = bytearray((tmp_path / 'state').read_bytes())
    # The last byte that is not zero is in a page that the file stores; what lies in its holes is nobody's.
    for position in (9, 5000, len(data.rstrip(b'\0')) - 1):
        damaged = bytearray(data)
        damaged[position] ^= 0x10
        (tmp_path / 'damaged').write_bytes(damaged)
        for uri in (f'file:{tmp_path}/damaged', f'exec:cat {tmp_path}/damaged'):
            assert 'load of migration failed: Invalid argument' in refused(run, uri)


def test_another_machine_is_refused(guest, run, prefix, tmp_path):
    migrated(guest('idle'), f'exec:cat > {tmp_path}/state')
    text = refused(run, f'exec:cat {tmp_path}/state', '-m', '64')
    assert 'pc.ram' in text and text.endswith(f'{prefix} load of migration failed: Invalid argument\n')


ADDRESSES = [('foo', 'unknown migration protocol: foo'), ('', 'unknown migration protocol: '),
             ('tcp:foo', "error parsing address 'foo'"), ('unix:', 'invalid Unix socket address'),
             ('unix:/nonexistent/x', 'Failed to bind socket to /nonexistent/x: No such file or directory'),
             ('tcp:1.2.3.4:5', 'Failed to bind socket: Cannot assign requested address'),
             ('fd:foo', "Invalid file descriptor number 'foo'"),
             ('unix:' + 'x' * 120, f"UNIX socket path '{'x' * 120}' is too long\nPath must be less than 108 bytes"),
             pytest.param('fd:99', 'File descriptor 99 is not open', marks=pytest.mark.apus),
             pytest.param('file:/nonexistent/x', 'Unable to open /nonexistent/x: No such file or directory',
                          marks=pytest.mark.apus)]


@pytest.mark.parametrize('uri, sentence', ADDRESSES)
def test_an_address_that_cannot_be_waited_at(run, prefix, uri, sentence):
    assert refused(run, uri) == f'{prefix} -incoming {uri}: {sentence}\n'


def test_deferred_addresses_can_be_wrong_until_one_is_right(start, tmp_path):
    machine = receiver(start, 'idle', 'defer')
    turn_on(machine, 'events')
    for uri, sentence in (('foo:x', 'unknown migration protocol: foo:x'), ('defer', 'unknown migration protocol: defer'),
                          ('tcp:foo', "error parsing address 'foo'"), ('fd:zz', "File descriptor named 'zz' has not been found"),
                          ('unix:/nonexistent/x', 'Failed to bind socket to /nonexistent/x: No such file or directory')):
        with pytest.raises(vm.QMPError) as error:
            machine.qmp.command('migrate-incoming', uri=uri)
        assert error.value.description == sentence
        assert take_events(machine) == [('MIGRATION', 'setup')]
    assert machine.qmp.command('query-migrate') == {}
    machine.qmp.command('migrate-incoming', uri='tcp:127.0.0.1:0')
    listener, = machine.qmp.command('query-migrate')['socket-address']
    assert (listener['type'], listener['host'], listener['ipv4']) == ('inet', '127.0.0.1', True)
    assert f'socket address: [\r\n\ttcp:127.0.0.1:{listener["port"]}\r\n]\r\n' in machine.qmp.hmp('info migrate')
    with pytest.raises(vm.QMPError, match='The incoming migration has already been started'):
        machine.qmp.command('migrate-incoming', uri='tcp:127.0.0.1:0')
    with socket.create_connection((listener['host'], int(listener['port']))) as peer:
        wait_status(machine, 'active')
        peer.sendall(b'no machine' * 1000)
    assert machine.wait_exit() == 1
    assert machine.stderr_text().endswith('load of migration failed: Invalid argument\n')


def test_a_waiting_machine_serves_its_monitors(start, tmp_path):
    machine = receiver(start, 'idle', f'unix:{tmp_path}/socket')
    assert machine.qmp.command('query-migrate') == {'socket-address': [{'type': 'unix', 'path': f'{tmp_path}/socket'}]}
    with pytest.raises(vm.QMPError, match='Guest is waiting for an incoming migration'):
        machine.qmp.command('migrate', uri='exec:cat > /dev/null')
    with pytest.raises(vm.QMPError, match='The incoming migration has already been started'):
        machine.qmp.command('migrate-incoming', uri='tcp:127.0.0.1:0')
    machine.qmp.command('migrate_cancel')
    assert run_state(machine) == 'inmigrate'
    assert machine.qmp.hmp('info status') == 'VM status: paused (inmigrate)\r\n'
    machine.qmp.command('quit')
    assert machine.wait_exit() == 0


def test_a_machine_that_does_not_wait_takes_none_in(guest):
    machine = guest('idle')
    with pytest.raises(vm.QMPError, match="'-incoming' was not specified on the command line"):
        machine.qmp.command('migrate-incoming', uri='tcp:127.0.0.1:0')
    assert machine.qmp.hmp('migrate_incoming tcp:127.0.0.1:0') == "Error: '-incoming' was not specified on the command line\r\n"
