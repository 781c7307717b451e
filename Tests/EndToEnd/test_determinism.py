# SPDX-License-Identifier: Apache-2.0
"""Two runs under -icount are one run: equal RAM, screen and serial output at an end that the guest itself chooses."""
import pytest
import vm

MEMORY = 64 << 20


def run_to_power_off(arguments):
    """Everything one can see of a guest that turned itself off; -no-shutdown keeps it at that instant."""
    with vm.Machine(['-m', '64', '-no-shutdown', '-rtc', 'base=2026-01-01T00:00:00,clock=vm', *arguments], timeout=120) as machine:
        machine.qmp.wait_event('STOP')
        status = machine.qmp.command('query-status')
        assert (status['running'], status['status']) == (False, 'shutdown')
        screen = machine.screen()
        memory = machine.memory(0, MEMORY)
        return bytes(machine.serial.data), screen, memory


GUESTS = {
    'grub': ['-cdrom', 'grub-halt.iso'],
    'disk': ['-drive', 'disk.img'],
    'power-off': ['-drive', 'power-off.img'],
}


def arguments_of(name):
    option, file = GUESTS[name]
    return [option, vm.image(file) if option == '-cdrom' else f'file={vm.image(file)},format=raw,snapshot=on']


@pytest.mark.parametrize('name', GUESTS)
@pytest.mark.apus
def test_two_runs_are_equal(name):
    compare_two_runs(arguments_of(name))


@pytest.mark.apus
def test_two_runs_from_the_network_are_equal(tmp_path):
    """The network's own answers (DHCP, ARP, TFTP) come at instants that follow from the questions."""
    with open(vm.image('power-off.img'), 'rb') as file:
        (tmp_path / 'boot').write_bytes(file.read(512))
    serial = compare_two_runs(['-boot', 'n', '-nic', f'user,model=e1000,tftp={tmp_path},bootfile=boot'])
    assert b'GUEST power-off' in serial


def compare_two_runs(arguments):
    arguments = ['-icount', 'shift=6,sleep=off', *arguments]
    first, second = run_to_power_off(arguments), run_to_power_off(arguments)
    assert first[0] == second[0]
    assert first[1] == second[1], first[1].difference(second[1])
    different = [page for page in range(0, MEMORY, 4096) if first[2][page:page + 4096] != second[2][page:page + 4096]]
    assert not different, f'RAM differs in {len(different)} pages, the first at {different[0]:#x}'
    return first[0]


def test_grub_shows_its_menu_and_halts_under_icount():
    serial, screen, memory = run_to_power_off(['-icount', 'shift=6,sleep=off', *arguments_of('grub')])
    assert b'will be executed automatically in 1s' in serial and b"Booting `Power off'" in serial
    assert (screen.width, screen.height) == (720, 400)
    assert memory[0x7c00:0x7c00 + 4096].count(0) < 4096


@pytest.mark.apus
def test_sleeping_changes_no_virtual_value():
    fast, slow = (run_to_power_off(['-icount', f'shift=6,sleep={sleep}', *arguments_of('power-off')]) for sleep in ('off', 'on'))
    assert fast[0] == slow[0] and fast[1] == slow[1] and fast[2] == slow[2]


@pytest.mark.apus
def test_a_client_that_looks_changes_nothing():
    """Questions and screendumps in the middle of a run do not show in it."""
    arguments = ['-m', '64', '-no-shutdown', '-rtc', 'base=2026-01-01T00:00:00,clock=vm', '-icount', 'shift=6,sleep=off',
                 *arguments_of('grub')]
    quiet = run_to_power_off(arguments[5:])
    with vm.Machine(arguments, timeout=120) as machine:
        while machine.qmp.command('query-status')['running']:
            machine.screen()
            machine.qmp.hmp('info registers')
        watched = bytes(machine.serial.data), machine.screen(), machine.memory(0, MEMORY)
    assert quiet[0] == watched[0] and quiet[1] == watched[1] and quiet[2] == watched[2]
