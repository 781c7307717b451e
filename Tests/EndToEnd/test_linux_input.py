# SPDX-License-Identifier: Apache-2.0
"""Linux's drivers of the PS/2 keyboard and mouse hear what the monitor's input commands do."""
import base64
import re
import struct
import time

import pytest
import vm
from linux import BusyboxShell, kernel_options

# Linux's event types and codes (linux/input-event-codes.h).
SYN, KEY, REL = 0, 1, 2
X, Y, HWHEEL, WHEEL, HIGH_RESOLUTION = 0, 1, 6, 8, (11, 12)
LEFT, RIGHT, MIDDLE, SIDE, EXTRA = 0x110, 0x111, 0x112, 0x113, 0x114
KEY_A, KEY_LEFTCTRL, KEY_UP = 30, 29, 103
REPEATED = 2


class InputGuest:
    """A Linux that writes down the events of its keyboard and its mouse."""

    def __init__(self, machine):
        self.machine, self.qmp = machine, machine.qmp
        self.shell = BusyboxShell(machine)
        self.shell.run('modprobe evdev && modprobe psmouse')
        self.nodes = {'keyboard': self.wait_node('AT Translated Set 2 keyboard'), 'mouse': self.wait_node('ImExPS/2 Generic Explorer Mouse')}

    def wait_node(self, name):
        """The event device of a driver; finding out what a mouse can do takes a while."""
        for _ in range(60):
            found = re.search(rf'N: Name="{re.escape(name)}"\n(?:[A-Z]: .*\n)*?H: Handlers=.*\b(event\d+)', self.shell.run('cat /proc/bus/input/devices'))
            if found:
                return found[1]
            time.sleep(1)
        raise TimeoutError(f'no driver for {name}')

    def fresh(self):
        """Starts to write down events anew."""
        self.shell.run('kill $(pidof cat); true')
        for device, node in self.nodes.items():
            # It is open when the command ends; the descriptor is not 0 because a shell takes that from what it puts aside.
            self.shell.run(f'(cat <&3 > /tmp/{device} &) 3< /dev/input/{node}')

    def events(self, device, count):
        """The events so far, in at least `count` reports, as sorted lists of (type, code, value)."""
        for _ in range(100):
            data = base64.b64decode(self.shell.run(f'base64 /tmp/{device}'))
            reports = [[]]
            for kind, code, value in (struct.unpack_from('<HHi', data, at + 16) for at in range(0, len(data) // 24 * 24, 24)):
                if (kind, code) == (SYN, 0):
                    reports.append([])
                elif kind == KEY and value != REPEATED or kind == REL and code not in HIGH_RESOLUTION:
                    reports[-1].append((kind, code, value))
            reports = [sorted(report) for report in reports if report]
            if len(reports) >= count:
                return reports
            time.sleep(0.1)
        raise TimeoutError(f'{count} reports were expected: {reports}')

    def send(self, *events, **options):
        """Sends events at once, and gives the guest the time to hear them: a mouse that is not heard merges its reports."""
        self.qmp.command('input-send-event', events=[{'type': kind, 'data': data} for kind, data in events], **options)
        self.shell.run('true')

    def hmp(self, line):
        assert self.qmp.hmp(line) == ''
        self.shell.run('true')


def button(name, down):
    return 'btn', {'button': name, 'down': down}


def motion(axis, value):
    return 'rel', {'axis': axis, 'value': value}


def key(name, down):
    kind = 'number' if isinstance(name, int) else 'qcode'
    return 'key', {'key': {'type': kind, 'data': name}, 'down': down}


@pytest.fixture(scope='module')
def guest():
    with vm.Machine(['-m', '256', *kernel_options('amd64', 'console=ttyS0,115200 quiet', initrd='input.gz')]) as machine:
        yield InputGuest(machine)


def test_motion_and_buttons(guest):
    guest.fresh()
    guest.send(motion('x', 20), motion('y', -7))
    guest.send(motion('x', -300))
    guest.send(button('left', True), motion('y', 5))
    guest.send(button('left', False), button('right', True))
    guest.send(button('right', False), button('middle', True))
    guest.send(button('middle', False))
    reports = guest.events('mouse', 7)
    assert reports[0] == [(REL, X, 20), (REL, Y, -7)]
    # More than a report holds comes in several, as many as the mouse likes.
    moved = [report for report in reports[1:] if len(report) == 1 and report[0][0] == REL]
    assert len(moved) > 1 and all(axis == X and -256 < step < 0 for ((_, axis, step),) in moved)
    assert sum(step for ((_, _, step),) in moved) == -300
    assert reports[1 + len(moved):] == [[(KEY, LEFT, 1), (REL, Y, 5)], [(KEY, LEFT, 0), (KEY, RIGHT, 1)],
                                        [(KEY, RIGHT, 0), (KEY, MIDDLE, 1)], [(KEY, MIDDLE, 0)]]


def test_wheels_and_side_buttons(guest):
    guest.fresh()
    for name, down in (('wheel-up', True), ('wheel-up', False), ('wheel-down', True), ('wheel-left', True), ('wheel-right', True),
                       ('side', True), ('side', False), ('extra', True), ('extra', False)):
        guest.send(button(name, down))
    assert guest.events('mouse', 8) == [[(REL, WHEEL, 1)], [(REL, WHEEL, -1)], [(REL, HWHEEL, -1)], [(REL, HWHEEL, 1)],
                                        [(KEY, SIDE, 1)], [(KEY, SIDE, 0)], [(KEY, EXTRA, 1)], [(KEY, EXTRA, 0)]]


def test_mouse_commands_of_the_human_monitor(guest):
    guest.fresh()
    assert guest.qmp.hmp('info mice') == '* Mouse #2: QEMU PS/2 Mouse\r\n'
    for line in ('mouse_set 2', 'mouse_move 3 -4', 'mouse_move 0x10 0 1', 'mouse_button 5', 'mouse_button 2', 'mouse_button 0'):
        guest.hmp(line)
    # Bit 1 is the right button and bit 2 the middle one, whatever the reference's help says.
    assert guest.events('mouse', 5) == [
        [(REL, X, 3), (REL, Y, -4)], [(REL, X, 16), (REL, WHEEL, 1)], [(KEY, LEFT, 1), (KEY, MIDDLE, 1)],
        [(KEY, LEFT, 0), (KEY, RIGHT, 1), (KEY, MIDDLE, 0)], [(KEY, RIGHT, 0)]]


def test_keys(guest):
    guest.fresh()
    guest.send(key('ctrl', True), key('up', True))
    guest.send(key('up', False), key('ctrl', False))
    guest.send(key(0x1e, True), key(0x1e, False))
    assert guest.events('keyboard', 6) == [
        [(KEY, KEY_LEFTCTRL, 1)], [(KEY, KEY_UP, 1)], [(KEY, KEY_UP, 0)], [(KEY, KEY_LEFTCTRL, 0)], [(KEY, KEY_A, 1)], [(KEY, KEY_A, 0)]]


def test_places_are_for_a_tablet(guest):
    with pytest.raises(vm.QMPError, match='Input handler not found for event type abs'):
        guest.send(('abs', {'axis': 'x', 'value': 20000}))
    assert guest.qmp.command('query-mice') == [{'name': 'QEMU PS/2 Mouse', 'index': 2, 'current': True, 'absolute': False}]


def test_a_stopped_guest_takes_no_input(guest):
    guest.qmp.command('stop')
    try:
        with pytest.raises(vm.QMPError, match='VM not running'):
            guest.send(motion('x', 1))
        assert guest.qmp.hmp('mouse_move 100 100') == ''
    finally:
        guest.qmp.command('cont')
    guest.fresh()
    guest.send(motion('x', 2))
    assert guest.events('mouse', 1) == [[(REL, X, 2)]]


@pytest.mark.apus
def test_a_typed_line(guest):
    """On the shell of the first virtual terminal."""
    text = 'The quick brown fox; jumps over 13 {lazy} dogs & "more" |~`$@! ' * 3
    guest.qmp.command('__org.apus_type', text=f"\necho '{text}' > /tmp/typed; echo done > /tmp/done\n")
    guest.shell.run('until [ -e /tmp/done ]; do sleep 0.1; done')
    assert guest.shell.run('cat /tmp/typed') == text + '\n'
