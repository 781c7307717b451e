# SPDX-License-Identifier: Apache-2.0
"""How a run ends: exit status, events before the end, and what is on stdout and stderr."""
import os
import re
import signal

import pytest
import vm


def drive(name):
    return ('-nic', 'none', '-m', '32', '-drive', f'file={vm.image(name + ".img")},format=raw,snapshot=on')


def events(machine):
    """Names and data of all of QEMU's events up to the end of the connection."""
    seen = machine.qmp.events
    try:
        while True:
            seen.append(machine.qmp.read_message())
    except EOFError:
        return [(event['event'], event.get('data')) for event in seen if not event['event'].startswith('__org.apus_')]


def test_debug_exit_status(run):
    done = run(*drive('debug-exit'), '-display', 'none', '-device', 'isa-debug-exit,iobase=0xf4,iosize=0x04', '-debugcon', 'stdio')
    assert (done.returncode, done.stdout, done.stderr) == (33, b'D', b'')


def test_debug_exit_sends_no_event(start):
    machine = start(*drive('debug-exit'), '-device', 'isa-debug-exit,iobase=0xf4,iosize=0x04', serial=False)
    assert events(machine) == [] and machine.wait_exit() == 33


def test_power_off_by_the_guest(start):
    machine = start(*drive('power-off'))
    assert events(machine) == [('SHUTDOWN', {'guest': True, 'reason': 'guest-shutdown'})]
    assert machine.wait_exit() == 0
    assert (machine.stdout_text(), machine.stderr_text()) == ('', '')


def test_power_off_with_no_shutdown(start):
    machine = start(*drive('power-off'), '-no-shutdown')
    assert machine.qmp.wait_event('SHUTDOWN')['data'] == {'guest': True, 'reason': 'guest-shutdown'}
    machine.qmp.wait_event('STOP')
    assert machine.qmp.command('query-status')['status'] == 'shutdown'
    with pytest.raises(vm.QMPError, match='Resetting the Virtual Machine is required'):
        machine.qmp.command('cont')
    machine.qmp.command('system_reset')
    assert machine.qmp.command('query-status')['status'] == 'prelaunch'
    machine.qmp.command('cont')
    machine.qmp.wait_event('STOP')


@pytest.mark.parametrize('guest_name', ['reset', 'triple-fault'])
def test_reset_with_no_reboot(start, guest_name):
    machine = start(*drive(guest_name), '-no-reboot')
    assert events(machine) == [('SHUTDOWN', {'guest': True, 'reason': 'guest-reset'})]
    assert machine.wait_exit() == 0


@pytest.mark.parametrize('guest_name', ['reset', 'triple-fault'])
def test_reset_by_the_guest_boots_again(start, guest_name):
    machine = start(*drive(guest_name))
    line = f'GUEST {guest_name}\r\n'
    end = machine.serial.wait(line)
    machine.serial.wait(line, start=machine.serial.wait(line, start=end))
    assert machine.qmp.wait_event('RESET')['data'] == {'guest': True, 'reason': 'guest-reset'}


def test_reset_by_the_host_then_by_the_firmware(guest):
    machine = guest('idle')
    machine.qmp.command('system_reset')
    assert machine.qmp.wait_event('RESET')['data'] == {'guest': False, 'reason': 'host-qmp-system-reset'}
    machine.serial.wait('GUEST idle\r\n', start=len('GUEST idle\r\n'))


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals(guest, prefix, number):
    machine = guest('busy')
    machine.process.send_signal(number)
    assert events(machine) == [('SHUTDOWN', {'guest': False, 'reason': 'host-signal'})]
    assert machine.wait_exit() == 0
    assert re.fullmatch(rf'{prefix} terminating on signal {int(number)} from pid {os.getpid()} \(.*\)\n', machine.stderr_text())


def test_s_waits_for_cont(start):
    machine = start('-S', *drive('power-off'))
    assert machine.qmp.command('query-status') == {'status': 'prelaunch', 'singlestep': False, 'running': False}
    machine.qmp.command('cont')
    machine.serial.wait('GUEST power-off')
    assert machine.wait_exit() == 0


def test_a_picture_before_the_first_frame(start, tmp_path):
    machine = start('-S', serial=False)
    shown = machine.screen()
    assert (shown.width, shown.height) == (640, 480)
