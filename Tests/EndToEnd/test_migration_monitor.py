# SPDX-License-Identifier: Apache-2.0
"""Migration in the monitors: descriptors, settings, the state of devices alone."""
import array
import socket

import pytest
import vm
from migration import Deaf, counter, run_state, take_events, turn_on, wait_status


# ---- monitors, devices, settings --------------------------------------------------------------------------------------

def human(connection, line, *descriptors):
    """One line of a human monitor and what it prints up to the next prompt."""
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', descriptors))] if descriptors else []
    if line is not None:
        connection.sendmsg([line.encode() + b'\n'], rights)
    text = b''
    while not text.endswith(b'(qemu) ') or (line is not None and text.count(b'\n') < 1):
        data = connection.recv(65536)
        assert data, text
        text += data
    return text.decode().split('\n', 1)[1].rsplit('(qemu) ', 1)[0]


def test_the_human_monitor_takes_descriptors_and_waits_for_the_migration(guest, tmp_path):
    machine = guest('idle', '-monitor', f'unix:{tmp_path}/hmp,server=on,wait=off')
    with vm.connect_unix(f'{tmp_path}/hmp') as connection, open(tmp_path / 'state', 'wb') as file:
        human(connection, None)
        assert human(connection, 'getfd here') == 'Error: No file descriptor supplied via SCM_RIGHTS\r\n'
        assert human(connection, 'getfd here', file.fileno()) == ''
        assert human(connection, 'closefd here') == ''
        assert human(connection, 'closefd here') == "Error: File descriptor named 'here' not found\r\n"
        assert human(connection, 'getfd here', file.fileno()) == ''
        human(connection, 'migrate fd:here')
        # The prompt came back when it was over.
        assert 'Migration status: completed' in human(connection, 'info migrate')
        assert machine.qmp.command('query-migrate')['status'] == 'completed'
        assert human(connection, 'info status') == 'VM status: paused (postmigrate)\r\n'
    assert (tmp_path / 'state').stat().st_size > 100_000


def test_through_qmp_the_human_monitor_does_not_wait(guest):
    machine = guest('idle')
    with Deaf(machine, 'socket'):
        assert machine.qmp.hmp('migrate -d "exec:sleep 0.2; cat > /dev/null"') == ''
        wait_status(machine, 'completed')
        machine.qmp.command('cont')
        text = machine.qmp.hmp('migrate "exec:cat > /dev/null"')
        assert text == 'terminal does not allow synchronous migration, continuing detached\r\n'
        wait_status(machine, 'completed')


@pytest.mark.apus   # QEMU 7.2 crashes when it loads what it saved
def test_devices_go_back_without_memory(guest, tmp_path):
    machine = guest('busy')
    machine.qmp.command('stop')
    saved, count = machine.qmp.hmp('info registers'), counter(machine)
    machine.qmp.command('xen-save-devices-state', filename=str(tmp_path / 'devices'))
    machine.qmp.command('cont')
    with pytest.raises(vm.QMPError, match='Cannot update device state while vm is running'):
        machine.qmp.command('xen-load-devices-state', filename=str(tmp_path / 'devices'))
    while counter(machine) == count:
        pass
    machine.qmp.command('stop')
    later = counter(machine)
    assert machine.qmp.hmp('info registers') != saved
    machine.qmp.command('xen-load-devices-state', filename=str(tmp_path / 'devices'))
    assert machine.qmp.hmp('info registers') == saved and counter(machine) == later
    machine.qmp.command('cont')
    while counter(machine) == later:
        pass


def test_saving_devices_lets_the_guest_go_on(guest, tmp_path):
    machine = guest('busy')
    machine.qmp.command('xen-save-devices-state', filename=str(tmp_path / 'devices'))
    assert take_events(machine) == [('STOP',), ('RESUME',)]
    assert 0 < (tmp_path / 'devices').stat().st_size < 1 << 20
    with pytest.raises(vm.QMPError, match='Unable to open /nonexistent/x: No such file or directory'):
        machine.qmp.command('xen-save-devices-state', filename='/nonexistent/x')
    assert run_state(machine) == 'running'


CAPABILITIES = ('xbzrle rdma-pin-all auto-converge zero-blocks compress events postcopy-ram x-colo release-ram block return-path '
                'pause-before-switchover multifd dirty-bitmaps postcopy-blocktime late-block-activate x-ignore-shared '
                'validate-uuid background-snapshot zero-copy-send postcopy-preempt').split()


def test_capabilities_are_qemu_s_and_those_that_mean_nothing_here_are_refused(guest, reference):
    machine = guest('idle')
    assert machine.qmp.command('query-migrate-capabilities') == [
        {'capability': name, 'state': False} for name in CAPABILITIES]
    turn_on(machine, 'events', 'auto-converge', 'xbzrle', 'pause-before-switchover')
    on = {item['capability'] for item in machine.qmp.command('query-migrate-capabilities') if item['state']}
    assert on == {'events', 'auto-converge', 'xbzrle', 'pause-before-switchover'}
    if not reference:
        for name in set(CAPABILITIES) - on:
            with pytest.raises(vm.QMPError, match=f"Migration capability '{name}' is not supported"):
                turn_on(machine, name)


def test_parameters_are_kept_and_shown(guest):
    machine = guest('idle')
    machine.qmp.command('migrate-set-parameters', max_bandwidth=12345, downtime_limit=77, tls_hostname='h')
    assert machine.qmp.hmp('migrate_set_parameter xbzrle-cache-size 8k') == ''
    now = machine.qmp.command('query-migrate-parameters')
    assert (now['max-bandwidth'], now['downtime-limit'], now['tls-hostname'], now['xbzrle-cache-size']) == (12345, 77, 'h', 8192)
    text = machine.qmp.hmp('info migrate_parameters')
    assert 'max-bandwidth: 12345 bytes/second\r\n' in text and "tls-hostname: 'h'\r\n" in text
    with pytest.raises(vm.QMPError) as error:
        machine.qmp.command('migrate-set-parameters', downtime_limit=2000001)
    assert error.value.description == "Parameter 'downtime_limit' expects an integer in the range of 0 to (2000 * 1000) ms"


def test_a_machine_can_be_asked_to_be_migratable(start):
    assert 'only-migratable: on' in start('-only-migratable', serial=False).qmp.hmp('info migrate')
    assert 'only-migratable: off' in start(serial=False).qmp.hmp('info migrate')
