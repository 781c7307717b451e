# SPDX-License-Identifier: Apache-2.0
"""The characters and the digest of the screen, over QMP."""
import hashlib
import os
import time

import pytest
import vm

pytestmark = pytest.mark.apus


def screen_text(machine):
    return machine.qmp.command('__org.apus_screen-text')


def wait_for_text(machine, text, timeout=60):
    end = time.monotonic() + timeout
    while True:
        shown = screen_text(machine)
        if any(text in row for row in shown['rows']):
            return shown
        assert time.monotonic() < end, shown['rows']
        time.sleep(0.1)


def test_bios_and_boot_loader():
    with vm.Machine(('-nic', 'none', '-cdrom', vm.image('isolinux.iso')), serial=False) as machine:
        wait_for_text(machine, 'boot:')
        machine.type('vga')
        shown = wait_for_text(machine, 'boot: vga')
        assert (shown['mode'], shown['columns'], len(shown['rows'])) == ('text', 80, 25)
        assert (shown['cell-width'], shown['cell-height'], shown['unknown']) == (9, 16, 0)
        # The font is the BIOS's, and the cursor is behind what was typed.
        assert shown['redefined'] == []
        row = next(number for number, text in enumerate(shown['rows']) if text == 'boot: vga')
        assert shown['cursor'] == {'row': row, 'column': len('boot: vga')}
        assert any(text.startswith('ISOLINUX') for text in shown['rows'])
        # What its message file has is there, row for row.
        message = open(os.path.join(vm.ROOT, 'images/isolinux/message.txt'), encoding='ascii').read().splitlines()
        printed = [line for line in message if line.isprintable() and line]
        assert printed and [text for text in shown['rows'] if text in printed] == printed
        # Every cell has its colours; what was typed is light grey on black.
        assert sum(run['length'] for run in shown['runs']) == 2000
        run = [run for run in shown['runs'] if run['row'] == row and run['column'] <= 6][-1]
        assert (run['foreground'], run['background']) == (0xa8a8a8, 0) and run['column'] + run['length'] >= 9


def test_grub():
    with vm.Machine(('-nic', 'none', '-cdrom', vm.image('grub-cd.iso')), serial=False) as machine:
        shown = wait_for_text(machine, 'GNU GRUB')
        assert shown['mode'] == 'text' and shown['unknown'] == 0 and shown['redefined'] == []


def digest(machine, **arguments):
    return machine.qmp.command('__org.apus_screen-hash', **arguments)


def test_digest_and_cursor(tmp_path):
    with vm.Machine(('-nic', 'none', '-S', '-cdrom', vm.image('isolinux.iso')), serial=False) as machine:
        first = digest(machine)
        assert (first['initialized'], first['width'], first['height']) == (False, 640, 480)
        machine.qmp.command('cont')
        wait_for_text(machine, 'boot:')
        # The cursor blinks, so a picture is one of two, and with a fixed cursor always one.
        pictures = {}
        for cursor in ('on', 'off'):
            path = str(tmp_path / cursor)
            for _ in range(3):
                machine.qmp.send({'execute': 'screendump', 'arguments': {'filename': path, '__org.apus_cursor': cursor}})
                assert machine.qmp.reply() == {'return': {}}
                pictures.setdefault(cursor, set()).add(hashlib.sha256(vm.Screen.read_ppm(path).pixels).hexdigest())
                time.sleep(0.15)
            assert pictures[cursor] == {digest(machine, cursor=cursor)['sha256']}
        assert pictures['on'] != pictures['off']
        shown = digest(machine)
        assert shown['initialized'] and (shown['width'], shown['height']) == (720, 400)
        assert {shown['sha256']} in pictures.values() and shown['virtual-time'] > first['virtual-time']
        error = pytest.raises(vm.QMPError, digest, machine, cursor='blink')
        assert "'cursor' does not accept value 'blink'" in str(error.value)


def test_without_a_display():
    with vm.Machine(('-vga', 'none'), serial=False) as machine:
        for name in ('__org.apus_screen-text', '__org.apus_screen-hash'):
            error = pytest.raises(vm.QMPError, machine.qmp.command, name)
            assert 'There is no console' in str(error.value)
