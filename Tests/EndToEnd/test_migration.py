# SPDX-License-Identifier: Apache-2.0
"""Machines that move: migrate, -incoming, migrate-incoming, what is told meanwhile and what is left when it fails."""
import os
import socket
import time

import pytest
import vm
from migration import (Deaf, assert_counts_on, children, counter, migrated, open_descriptors, receiver, run_state, take_events,
                       turn_on, wait_state, wait_status)


# ---- order and run states ---------------------------------------------------------------------------------------------

def test_events_and_run_states_of_the_source(guest, tmp_path):
    machine = guest('busy')
    turn_on(machine, 'events')
    machine.qmp.command('migrate', uri=f'exec:cat > {tmp_path}/state')
    assert take_events(machine) == [('MIGRATION', 'setup')]
    answer = wait_status(machine, 'completed', 'failed')
    assert answer['status'] == 'completed'
    assert take_events(machine) == [('MIGRATION_PASS', 1), ('MIGRATION', 'active'), ('STOP',), ('MIGRATION_PASS', 2),
                                    ('MIGRATION', 'completed')]
    assert run_state(machine) == 'postmigrate'
    with pytest.raises(vm.QMPError, match="Can't migrate the vm that was paused due to previous migration"):
        machine.qmp.command('migrate', uri='exec:cat > /dev/null')
    before = counter(machine)
    machine.qmp.command('cont')
    assert take_events(machine) == [('RESUME',)] and run_state(machine) == 'running'
    while counter(machine) == before:
        pass


def test_a_stopped_source_says_no_stop(guest):
    machine = guest('idle')
    machine.qmp.command('stop')
    turn_on(machine, 'events')
    take_events(machine)
    migrated(machine, 'exec:cat > /dev/null')
    assert ('STOP',) not in take_events(machine)
    assert run_state(machine) == 'postmigrate'


def test_a_reset_after_migration_is_like_a_fresh_start(guest):
    machine = guest('idle')
    migrated(machine, 'exec:cat > /dev/null')
    machine.qmp.command('system_reset')
    assert run_state(machine) == 'prelaunch'


def test_without_the_capability_there_are_no_migration_events(guest):
    machine = guest('idle')
    migrated(machine, 'exec:cat > /dev/null')
    assert [name for name, *_ in take_events(machine)] == ['STOP']


RAM = {'transferred', 'remaining', 'total', 'duplicate', 'skipped', 'normal', 'normal-bytes', 'dirty-pages-rate', 'mbps',
       'dirty-sync-count', 'postcopy-requests', 'page-size', 'multifd-bytes', 'pages-per-second', 'precopy-bytes',
       'downtime-bytes', 'postcopy-bytes', 'dirty-sync-missed-zero-copy'}


def test_the_report_is_true(guest, tmp_path, reference):
    machine = guest('busy')
    assert machine.qmp.command('query-migrate') == {}
    answer = migrated(machine, f'exec:cat > {tmp_path}/state')
    assert set(answer) == {'status', 'total-time', 'downtime', 'setup-time', 'ram'}
    ram = answer['ram']
    assert set(ram) == RAM
    assert 0 <= answer['setup-time'] <= answer['total-time'] and answer['downtime'] <= answer['total-time']
    assert (ram['remaining'], ram['page-size'], ram['normal-bytes']) == (0, 4096, ram['normal'] * 4096)
    assert ram['total'] >= 32 << 20 and ram['mbps'] > 0 and ram['normal'] > 0
    if not reference:     # QEMU's figures leave out what is not memory, and count a page that is sent twice
        assert ram['transferred'] == (tmp_path / 'state').stat().st_size
        assert (ram['duplicate'] + ram['normal']) * 4096 == ram['total']
    text = machine.qmp.hmp('info migrate').replace('\r', '')
    assert 'Migration status: completed\n' in text
    assert f'total time: {answer["total-time"]} ms\n' in text and f'normal: {ram["normal"]} pages\n' in text


# ---- the ways there ---------------------------------------------------------------------------------------------------

def way(kind, tmp_path):
    """Where to send and where to take in; None: the receiver says."""
    return {'exec': (f'exec:cat > {tmp_path}/state', f'exec:cat {tmp_path}/state'),
            'file': (f'file:{tmp_path}/state', f'file:{tmp_path}/state'),
            'unix': (f'unix:{tmp_path}/socket', f'unix:{tmp_path}/socket'),
            'tcp': (None, 'tcp:127.0.0.1:0')}[kind]


@pytest.mark.parametrize('kind', ['exec', pytest.param('file', marks=pytest.mark.apus), 'unix', 'tcp'])
def test_a_running_guest_moves_to_a_second_process(guest, start, tmp_path, kind):
    source = guest('serial-echo')
    source.serial.send(b'a')
    source.serial.wait('A')
    to, origin = way(kind, tmp_path)
    stored = kind in ('exec', 'file')
    if stored:
        assert migrated(source, to)['status'] == 'completed'
    target = receiver(start, 'serial-echo', origin, '-S')
    if not stored:
        assert run_state(target) == 'inmigrate'
        if to is None:
            listener, = target.qmp.command('query-migrate')['socket-address']
            to = f'tcp:{listener["host"]}:{listener["port"]}'
        assert migrated(source, to)['status'] == 'completed'
    wait_state(target, 'paused')
    assert target.qmp.command('query-migrate') == {'status': 'completed'}
    assert target.memory(0, 1 << 20) == source.memory(0, 1 << 20)
    target.qmp.command('cont')
    target.serial.send(b'moved')
    target.serial.wait('MOVED')
    # The source can go on as well: nothing of the move is seen by its guest.
    source.qmp.command('cont')
    source.serial.send(b'stayed')
    source.serial.wait('STAYED')


def test_a_guest_runs_at_once_where_nobody_says_stop(guest, start, tmp_path):
    source = guest('busy')
    migrated(source, f'exec:cat > {tmp_path}/state')
    before = counter(source)
    target = receiver(start, 'busy', f'exec:cat {tmp_path}/state')
    wait_state(target, 'running')
    deadline = time.monotonic() + 10
    while counter(target) <= before:
        assert time.monotonic() < deadline


def test_what_os_autoinst_does(guest, start, tmp_path):
    """backend/qemu.pm: getfd, migrate fd:dumpfd, polls; then a new process with -incoming defer."""
    source = guest('serial-echo')
    file = os.open(tmp_path / 'dump.xz', os.O_WRONLY | os.O_CREAT)
    turn_on(source, 'events')
    source.qmp.command('migrate-set-parameters', max_bandwidth=(1 << 63) - 1, downtime_limit=1000)
    source.qmp.command('stop')
    source.qmp.pass_descriptor('dumpfd', file)
    os.close(file)
    source.qmp.command('migrate', uri='fd:dumpfd')
    while True:
        answer = source.qmp.command('query-migrate')
        assert answer['status'] in ('setup', 'active', 'completed')
        if answer['status'] == 'completed':
            break
        assert answer['status'] == 'setup' or answer['ram']['remaining'] <= answer['ram']['total']
    wait_state(source, 'postmigrate')
    source.close()
    target = receiver(start, 'serial-echo', 'defer', '-S')
    assert run_state(target) == 'inmigrate'
    turn_on(target, 'events')
    target.qmp.command('migrate-incoming', uri=f'exec:cat {tmp_path}/dump.xz')
    assert take_events(target) == [('MIGRATION', 'setup')]
    deadline = time.monotonic() + 20
    while 'migrate' in run_state(target):
        assert time.monotonic() < deadline
    assert run_state(target) == 'paused'
    assert take_events(target) == [('MIGRATION', 'active'), ('MIGRATION', 'completed')]
    target.qmp.command('cont')
    target.serial.send(b'x')
    target.serial.wait('X')


@pytest.mark.parametrize('stopped', [False, True])
def test_deferred_events_end_with_the_guest_running_or_not(guest, start, tmp_path, stopped):
    migrated(guest('idle'), f'exec:cat > {tmp_path}/state')
    target = receiver(start, 'idle', 'defer', *(['-S'] if stopped else []))
    turn_on(target, 'events')
    with open(tmp_path / 'state', 'rb') as file:
        target.qmp.pass_descriptor('state', file.fileno())
    target.qmp.command('migrate-incoming', uri='fd:state')
    wait_state(target, 'paused' if stopped else 'running')
    wait_status(target, 'completed')
    resume = [] if stopped else [('RESUME',)]
    assert take_events(target) == [('MIGRATION', 'setup'), ('MIGRATION', 'active'), *resume, ('MIGRATION', 'completed')]


@pytest.mark.parametrize('command, arguments, end', [('stop', (), 'paused'), ('cont', ('-S',), 'running')])
def test_stop_and_cont_while_waiting_decide_what_comes_after(guest, start, tmp_path, command, arguments, end):
    migrated(guest('idle'), f'exec:cat > {tmp_path}/state')
    target = receiver(start, 'idle', 'defer', *arguments)
    target.qmp.command(command)
    assert run_state(target) == 'inmigrate'
    target.qmp.command('migrate-incoming', uri=f'exec:cat {tmp_path}/state')
    wait_state(target, end)


def test_a_stopped_guest_arrives_stopped(guest, start, tmp_path):
    source = guest('idle')
    source.qmp.command('stop')
    migrated(source, f'exec:cat > {tmp_path}/state')
    target = receiver(start, 'idle', f'exec:cat {tmp_path}/state')
    wait_state(target, 'paused')
    time.sleep(0.2)
    assert run_state(target) == 'paused'


def test_an_arrived_machine_can_be_sent_on(guest, start, tmp_path):
    migrated(guest('serial-echo'), f'exec:cat > {tmp_path}/1')
    second = receiver(start, 'serial-echo', f'exec:cat {tmp_path}/1')
    wait_state(second, 'running')
    migrated(second, f'exec:cat > {tmp_path}/2')
    third = receiver(start, 'serial-echo', f'exec:cat {tmp_path}/2')
    wait_state(third, 'running')
    third.serial.send(b'z')
    third.serial.wait('Z')


# ---- failures ---------------------------------------------------------------------------------------------------------

WRONG = [('foo:bar', "Parameter 'uri' expects a valid migration protocol"),
         ('foo', "Parameter 'uri' expects a valid migration protocol"),
         ('', "Parameter 'uri' expects a valid migration protocol"),
         ('tcp:', "error parsing address ''"), ('tcp:localhost', "error parsing address 'localhost'"),
         ('unix:', 'invalid Unix socket address'), ('fd:nope', "File descriptor named 'nope' has not been found"),
         ('fd:99', "File descriptor named '99' has not been found")]


@pytest.mark.parametrize('uri, sentence', WRONG)
def test_a_wrong_address_is_an_error_at_once(guest, uri, sentence):
    machine = guest('idle')
    with pytest.raises(vm.QMPError) as error:
        machine.qmp.command('migrate', uri=uri)
    assert error.value.description == sentence
    assert run_state(machine) == 'running'
    assert machine.qmp.hmp(f'migrate "{uri}"') == f'Error: {sentence}\r\n'


UNREACHABLE = [('unix:/nonexistent/x', "Failed to connect to '/nonexistent/x': No such file or directory"),
               ('tcp:127.0.0.1:1', "Failed to connect to '127.0.0.1:1': Connection refused"),
               ('exec:exit 3', 'Unable to write to command: Broken pipe'),
               pytest.param('file:/nonexistent/x', 'Unable to open /nonexistent/x: No such file or directory',
                            marks=pytest.mark.apus),
               pytest.param('exec:cat > /dev/null; exit 7', 'The command exited with status 7', marks=pytest.mark.apus)]


@pytest.mark.parametrize('uri, sentence', UNREACHABLE)
def test_a_failure_leaves_the_guest_running(guest, uri, sentence):
    machine = guest('busy')
    machine.qmp.command('migrate', uri=uri)
    assert wait_status(machine, 'failed', 'completed') == {'status': 'failed', 'error-desc': sentence}
    wait_state(machine, 'running')
    assert_counts_on(machine)
    assert f'Migration status: failed ({sentence})' in machine.qmp.hmp('info migrate')


def test_a_full_disk_fails_the_migration_and_not_the_guest(guest):
    machine = guest('busy')
    turn_on(machine, 'events')
    full = os.open('/dev/full', os.O_WRONLY)
    machine.qmp.pass_descriptor('full', full)
    os.close(full)
    machine.qmp.command('migrate', uri='fd:full')
    answer = wait_status(machine, 'failed', 'completed')
    assert answer == {'status': 'failed', 'error-desc': 'Unable to write to file: No space left on device'}
    wait_state(machine, 'running')
    machine.qmp.command('query-status')
    events = take_events(machine)
    assert events[:3] == [('MIGRATION', 'setup'), ('MIGRATION_PASS', 1), ('MIGRATION', 'active')]
    assert ('MIGRATION', 'failed') in events and events.count(('STOP',)) == events.count(('RESUME',))
    assert_counts_on(machine)
    assert 'Unable to write to file: No space left on device' in machine.stderr_text()
    # It can be tried again.
    assert migrated(machine, 'exec:cat > /dev/null')['status'] == 'completed'


def test_a_peer_that_hangs_up_fails_the_migration_and_not_the_guest(guest):
    machine = guest('busy')
    ours, theirs = socket.socketpair()
    machine.qmp.pass_descriptor('peer', theirs.fileno())
    theirs.close()
    machine.qmp.command('migrate', uri='fd:peer')
    ours.recv(1000)
    ours.close()
    answer = wait_status(machine, 'failed', 'completed')
    assert answer['status'] == 'failed' and 'Unable to write to socket: ' in answer['error-desc']
    wait_state(machine, 'running')
    assert_counts_on(machine)


@pytest.mark.apus
def test_a_file_on_a_full_disk_is_not_left(guest, tmp_path):
    machine = guest('busy')
    machine.qmp.command('migrate-set-parameters', max_bandwidth=1)
    machine.qmp.command('migrate', uri=f'file:{tmp_path}/state')
    wait_status(machine, 'active')
    machine.qmp.command('migrate_cancel')
    wait_status(machine, 'cancelled')
    assert os.listdir(tmp_path) == []
    machine.qmp.command('migrate', uri=f'file:{tmp_path}/state')
    wait_status(machine, 'active')
    machine.qmp.command('quit')
    assert machine.wait_exit() == 0 and os.listdir(tmp_path) == []


@pytest.mark.apus
def test_an_old_state_file_stays_until_the_new_one_is_whole(guest, tmp_path):
    machine = guest('busy')
    (tmp_path / 'state').write_bytes(b'old')
    machine.qmp.command('migrate-set-parameters', max_bandwidth=1)
    machine.qmp.command('migrate', uri=f'file:{tmp_path}/state')
    wait_status(machine, 'active')
    machine.qmp.command('migrate_cancel')
    wait_status(machine, 'cancelled')
    assert (tmp_path / 'state').read_bytes() == b'old' and os.listdir(tmp_path) == ['state']


# QEMU 7.2 waits for ever for a pipe that is full.
DEAF = ['socket', pytest.param('pipe', marks=pytest.mark.apus)]


@pytest.mark.parametrize('kind', DEAF)
def test_a_cancelled_migration_lets_the_guest_go_on(guest, kind):
    machine = guest('busy')
    turn_on(machine, 'events')
    with Deaf(machine, kind):
        cancel(machine)


def cancel(machine):
    machine.qmp.command('migrate', uri='fd:deaf')
    wait_status(machine, 'active')
    for name, arguments in (('migrate', {'uri': 'exec:cat'}), ('migrate-set-capabilities', {'capabilities': []})):
        with pytest.raises(vm.QMPError, match="There's a migration process in progress"):
            machine.qmp.command(name, **arguments)
    start = time.monotonic()
    machine.qmp.command('migrate_cancel')
    assert wait_status(machine, 'cancelled') == {'status': 'cancelled'}
    assert time.monotonic() - start < 2
    wait_state(machine, 'running')
    events = take_events(machine)
    assert events[-1] == ('MIGRATION', 'cancelled') and ('MIGRATION', 'cancelling') in events
    assert events.count(('STOP',)) == events.count(('RESUME',))
    assert_counts_on(machine)
    machine.qmp.command('migrate_cancel')     # of nothing
    assert machine.qmp.command('query-migrate') == {'status': 'cancelled'}


def test_a_guest_stopped_meanwhile_stays_stopped(guest):
    machine = guest('busy')
    with Deaf(machine, 'socket'):
        machine.qmp.command('migrate', uri='fd:deaf')
        wait_status(machine, 'active')
        machine.qmp.command('stop')
        machine.qmp.command('migrate_cancel')
        wait_status(machine, 'cancelled')
        assert run_state(machine) == 'paused'


@pytest.mark.parametrize('kind', DEAF)
def test_quit_ends_a_migration_that_makes_no_progress(guest, kind):
    machine = guest('busy')
    turn_on(machine, 'events')
    with Deaf(machine, kind):
        machine.qmp.command('migrate', uri='fd:deaf')
        wait_status(machine, 'active')
        machine.qmp.command('quit')
        assert machine.wait_exit() == 0
    assert take_events(machine)[-2:] == [('SHUTDOWN', False, 'host-qmp-quit'), ('MIGRATION', 'cancelling')]


@pytest.mark.apus
def test_the_guest_is_not_seen_while_it_is_written(guest):
    """Live copying is QEMU's: here the machine stands still, and says so."""
    machine = guest('busy')
    machine.qmp.command('migrate-set-parameters', max_bandwidth=1)
    machine.qmp.command('migrate', uri='exec:cat > /dev/null')
    answer = wait_status(machine, 'active')
    assert {'status', 'total-time', 'setup-time', 'expected-downtime', 'ram'} == set(answer)
    assert run_state(machine) == 'finish-migrate'
    with pytest.raises(vm.QMPError, match='Migration is not finalized yet'):
        machine.qmp.command('cont')
    before = counter(machine)
    machine.qmp.command('system_reset')     # waits: memory must not change
    assert counter(machine) == before
    machine.qmp.command('migrate-set-parameters', max_bandwidth=0)
    wait_status(machine, 'completed')
    assert run_state(machine) == 'prelaunch'
    assert [name for name, *_ in take_events(machine)] == ['STOP', 'RESET']


def test_a_pause_before_the_switchover(guest):
    machine = guest('busy')
    turn_on(machine, 'events', 'pause-before-switchover')
    machine.qmp.command('migrate', uri='exec:cat > /dev/null')
    wait_status(machine, 'pre-switchover')
    assert run_state(machine) == 'finish-migrate'
    with pytest.raises(vm.QMPError, match='Migration is not finalized yet'):
        machine.qmp.command('cont')
    with pytest.raises(vm.QMPError, match='Migration not in expected state: pre-switchover'):
        machine.qmp.command('migrate-continue', state='active')
    assert take_events(machine) == [('MIGRATION', 'setup'), ('MIGRATION_PASS', 1), ('MIGRATION', 'active'), ('STOP',),
                                    ('MIGRATION', 'pre-switchover')]
    machine.qmp.command('migrate-continue', state='pre-switchover')
    wait_status(machine, 'completed')
    assert take_events(machine) == [('MIGRATION', 'device'), ('MIGRATION_PASS', 2), ('MIGRATION', 'completed')]
    machine.qmp.command('cont')
    machine.qmp.command('migrate', uri='exec:cat > /dev/null')
    wait_status(machine, 'pre-switchover')
    machine.qmp.command('migrate_cancel')
    wait_status(machine, 'cancelled')
    assert take_events(machine)[-3:] == [('MIGRATION', 'cancelling'), ('RESUME',), ('MIGRATION', 'cancelled')]
    assert_counts_on(machine)


def test_nothing_is_left_of_commands_and_descriptors(guest, tmp_path, reference):
    machine = guest('idle')
    before = open_descriptors(machine)
    for uri in (f'exec:cat > {tmp_path}/state', 'exec:exit 3', 'exec:sleep 100', 'unix:/nonexistent/x'):
        if reference and 'sleep' in uri:     # cancelling waits for ever there
            continue
        machine.qmp.command('migrate', uri=uri)
        if 'sleep' in uri:
            wait_status(machine, 'active')
            machine.qmp.command('migrate_cancel')
        wait_status(machine, 'completed', 'failed', 'cancelled')
        wait_state(machine, 'running', 'postmigrate')
        machine.qmp.command('cont')
    deadline = time.monotonic() + 10
    while children(machine) or open_descriptors(machine) > before:
        assert time.monotonic() < deadline, (children(machine), open_descriptors(machine), before)
        time.sleep(0.05)
