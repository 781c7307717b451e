# SPDX-License-Identifier: Apache-2.0
"""What becomes of a machine whose guest panics, reboots or powers off, and how a guest that is lost is told."""
import time

import pytest
import vm

from test_exit import drive, events

CRASH = ('GUEST_CRASHLOADED', {'action': 'run'})
SHUTDOWN = ('SHUTDOWN', {'guest': True, 'reason': 'guest-panic'})


def panicked(action):
    return ('GUEST_PANICKED', {'action': action})


@pytest.mark.parametrize('options, status', [((), 0), (('-action', 'panic=shutdown'), 0), (('-action', 'panic=exit-failure'), 1)])
def test_a_panic_ends_the_machine(start, options, status):
    machine = start(*drive('panic'), '-device', 'pvpanic', *options)
    assert events(machine) == [CRASH, panicked('poweroff'), SHUTDOWN]
    assert machine.wait_exit() == status
    assert machine.stderr_text() == ''


@pytest.mark.parametrize('options', [('-action', 'panic=pause'), ('-no-shutdown',)])
def test_a_panic_stops_the_machine(start, options):
    machine = start(*drive('panic'), '-device', 'pvpanic', *options)
    machine.qmp.wait_event('STOP')
    assert [(event['event'], event['data']) for event in machine.qmp.events] == [CRASH, panicked('pause')]
    assert machine.qmp.command('query-status') == {'status': 'guest-panicked', 'singlestep': False, 'running': False}
    machine.qmp.command('cont')
    machine.serial.wait('GUEST panic\r\n3 goes on\r\n')
    machine.qmp.command('quit')
    assert machine.wait_exit() == 0


def test_a_panic_that_is_only_told(start):
    machine = start(*drive('panic'), '-device', 'pvpanic,events=1', '-action', 'panic=none')
    assert machine.qmp.wait_event('GUEST_PANICKED')['data'] == {'action': 'run'}
    # What the guest reads is only what was asked for, and it may tell all the same.
    machine.serial.wait('GUEST panic\r\n1 goes on\r\n')
    assert machine.qmp.command('query-status')['running']


def test_a_panic_that_ends_in_a_pause(start):
    machine = start(*drive('panic'), '-device', 'pvpanic', '-action', 'shutdown=pause,panic=exit-failure')
    machine.qmp.wait_event('STOP')
    assert [(event['event'], event['data']) for event in machine.qmp.events] == [CRASH, panicked('poweroff'), SHUTDOWN]
    assert machine.qmp.command('query-status')['status'] == 'shutdown'
    machine.qmp.command('quit')
    assert machine.wait_exit() == 0


def test_without_the_device_nothing_is_told(start):
    machine = start(*drive('panic'))
    machine.serial.wait('goes on')
    assert machine.qmp.command('query-status')['running'] and machine.qmp.events == []


def test_actions_change_while_the_machine_runs(start):
    machine = start('-S', *drive('panic'), '-device', 'pvpanic,ioport=0x505', '-no-reboot')
    with pytest.raises(vm.QMPError, match="Parameter 'panic' does not accept value 'bogus'"):
        machine.qmp.command('set-action', panic='bogus')
    with pytest.raises(vm.QMPError, match="Parameter 'bogus' is unexpected"):
        machine.qmp.command('set-action', bogus='pause')
    machine.qmp.command('set-action', panic='pause', watchdog='inject-nmi', reboot='reset')
    machine.qmp.command('cont')
    machine.qmp.wait_event('STOP')
    assert machine.qmp.command('query-status')['status'] == 'guest-panicked'
    # A reset is one again, in spite of -no-reboot.
    machine.qmp.command('system_reset')
    assert machine.qmp.wait_event('RESET')['data'] == {'guest': False, 'reason': 'host-qmp-system-reset'}
    assert machine.qmp.command('query-status')['status'] == 'prelaunch'


def test_actions_of_the_command_line(start):
    machine = start(*drive('reset'), '-action', 'reboot=shutdown')
    assert events(machine) == [('SHUTDOWN', {'guest': True, 'reason': 'guest-reset'})]
    assert machine.wait_exit() == 0


def test_an_action_that_pauses(start):
    machine = start(*drive('power-off'), '-action', 'shutdown=pause')
    machine.qmp.wait_event('STOP')
    assert machine.qmp.command('query-status')['status'] == 'shutdown'


@pytest.mark.parametrize('options, sentence', [
    (('-action', 'foo=1'), "-action foo=1: Invalid parameter 'foo'"),
    (('-action', 'panic=bogus'), "-action panic=bogus: Parameter 'panic' does not accept value 'bogus'"),
    (('-action', 'reboot=pause'), "-action reboot=pause: Parameter 'reboot' does not accept value 'pause'"),
    (('-watchdog-action', 'foo'), "-watchdog-action foo: Parameter 'watchdog' does not accept value 'foo'"),
    (('-device', 'pvpanic', '-device', 'pvpanic'), '-device pvpanic: duplicate fw_cfg file name: etc/pvpanic-port'),
    (('-device', 'pvpanic,events=300'), "-device pvpanic,events=300: Parameter 'events' expects uint8_t"),
    (('-device', 'pvpanic,ioport=99999'), "-device pvpanic,ioport=99999: Parameter 'ioport' expects uint16_t"),
])
def test_mistakes(run, prefix, options, sentence):
    done = run('-display', 'none', '-S', '-nic', 'none', *options)
    assert (done.returncode, done.stderr.decode()) == (1, f'{prefix} {sentence}\n')


def test_a_panic_on_pci(start):
    machine = start('-nic', 'none', '-m', '32', '-device', 'pvpanic-pci,id=panic')
    deadline = time.monotonic() + 30
    while True:
        functions = machine.qmp.command('query-pci')[0]['devices']
        found = [function for function in functions if function['qdev_id'] == 'panic']
        regions = found[0]['regions']
        if 0 < regions[0]['address'] < 2 ** 32 or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    # The firmware has given it a place: two bytes.
    assert [(region['bar'], region['type'], region['size']) for region in regions] == [(0, 'memory', 2)]
    address = regions[0]['address']
    assert f'BAR0: 32 bit memory at 0x{address:08x} [0x{address + 1:08x}].' in machine.qmp.hmp('info pci')
    assert [function['id'] for function in found] == [{'vendor': 0x1b36, 'device': 0x11, 'subsystem-vendor': 0x1af4, 'subsystem': 0x1100}]
    assert found[0]['class_info']['class'] == 0x0880
    # What it tells is seen by the monitor as well, byte for byte.
    for command, answer in (('/2xb', ' 0x03 0x03'), ('/1xw', ' 0x03030303'), ('/1xg', ' Cannot access memory'),
                            ('/20xb', ' Cannot access memory')):
        assert machine.qmp.hmp(f'xp {command} {address}') == f'{address:016x}:{answer}\r\n', command
    assert machine.qmp.hmp(f'xp /1xh {address + 1}').endswith('Cannot access memory\r\n')


@pytest.mark.apus
@pytest.mark.parametrize('options, last', [((), 'RESET'), (('-no-reboot',), 'SHUTDOWN')])
def test_a_triple_fault_is_told_before_its_reset(start, options, last):
    machine = start(*drive('triple-fault'), *options)
    machine.qmp.wait_event(last)
    assert [event['event'] for event in machine.qmp.events][:1] == ['__org.apus_TRIPLE_FAULT']
    fault = machine.qmp.events[0]['data']
    # INT3 beyond the table of interrupts; in real mode error codes tell where the mistake is, but are not pushed.
    assert fault['vector'] == 13 and [each['vector'] for each in fault['exceptions']][-1] == 8
    cpu = fault['cpu']
    assert (cpu['cs'], cpu['ss'], cpu['rsp'], cpu['cr0'] & 1, cpu['cr3'], cpu['efer']) == (0, 0, 0x7000, 0, 0, 0)
    assert 0x7c00 <= cpu['rip'] < 0x7e00 and cpu['code'].startswith('cd03f4ebfd') and len(cpu['code']) == 32
    assert cpu['rflags'] & 0x200 == 0


@pytest.mark.apus
@pytest.mark.parametrize('letter, reason, loop, code', [
    ('h', 'halted', None, 'ebfe'), ('s', 'spinning', 1, 'ebfe'), ('l', 'spinning', 3, '')])
def test_a_hung_guest_is_told_once(guest, letter, reason, loop, code):
    machine = guest('hang')
    assert machine.qmp.events == []
    machine.serial.send(letter.encode())
    hung = machine.qmp.wait_event('__org.apus_GUEST_HUNG')['data']
    assert hung['reason'] == reason and hung.get('loop') == loop
    assert hung['cpu']['rbx'] == 0x12345678 and hung['cpu']['code'].startswith(code)
    for _ in range(20):
        machine.qmp.command('query-status')
    assert machine.qmp.events == []
    # Another life, another hang.
    machine.qmp.command('system_reset')
    machine.serial.wait('GUEST hang\r\n', start=len('GUEST hang\r\n'))
    machine.serial.send(letter.encode())
    machine.qmp.wait_event('__org.apus_GUEST_HUNG')


@pytest.mark.apus
def test_guests_that_wait_or_work_are_not_hung(guest):
    for name in ('idle', 'busy'):
        machine = guest(name)
        for _ in range(10):
            machine.qmp.command('query-status')
        assert machine.qmp.events == []


def test_a_display_is_named_by_its_device(start):
    """For input that comes through one."""
    machine = start('-S', '-nic', 'none', '-m', '32', '-device', 'VGA,id=video0', serial=False)
    machine.qmp.command('cont')
    machine.qmp.command('input-send-event', device='video0', head=0, events=[])
    for options, sentence in (({'device': 'VGA'}, "Device 'VGA' not found"),
                              ({'device': 'video0', 'head': 1}, 'Device video0 (head 1) is not bound to a QemuConsole')):
        with pytest.raises(vm.QMPError) as error:
            machine.qmp.command('input-send-event', events=[], **options)
        assert error.value.description == sentence
