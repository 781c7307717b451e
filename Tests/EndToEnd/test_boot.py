# SPDX-License-Identifier: Apache-2.0
"""What people boot: the firmware alone, GRUB, isolinux, our demo disk. Every screen equals the reference's."""
import os
import subprocess
import sys
import time

import pytest
import screens
import vm
from screens import Stage

COUNTDOWN = (22,)
GRUB = (
    Stage('menu', ignored_rows=COUNTDOWN),
    Stage('countdown stopped', keys=('down',)),
    Stage('command line', keys=('c',)),
    Stage('echo', text='echo hello from send-key\n'),
)


def test_firmware_without_a_disk():
    screens.check_boot((), (Stage('no bootable device'),))


def test_grub_rescue_cd_to_its_menu_and_command_line():
    screens.check_boot(('-cdrom', vm.image('grub-cd.iso')), GRUB)


def test_grub_rescue_usb_image_as_a_hard_disk():
    screens.check_boot(('-drive', f'file={vm.image("grub-usb.img")},format=raw,snapshot=on'), GRUB)


def test_isolinux_prompt_answers_what_is_typed():
    screens.check_boot(('-cdrom', vm.image('isolinux.iso')), (Stage('boot:'), Stage('answer', text='nothing\n')))


def test_demo_disk_in_all_its_modes():
    disk = ('-m', '32', '-drive', f'file={vm.image("demo.img")},format=raw,snapshot=on')
    screens.check_boot(disk, (
        Stage('text'), Stage('echo', text='hello, World!\n'), Stage('mode 13h', text='mode13\n'),
        Stage('640x480', text='picture\n'), Stage('text again', text='text\n')))


def test_make_run_leaves_a_picture(tmp_path):
    picture = tmp_path / 'screen.png'
    start = time.monotonic()
    done = subprocess.run([sys.executable, os.path.join(vm.ROOT, 'Tools', 'run-demo'), '--picture', picture],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - start < 10
    data = picture.read_bytes()
    assert data.startswith(b'\x89PNG\r\n\x1a\n') and data.endswith(b'IEND\xaeB`\x82')
    assert data[16:24] == (640).to_bytes(4, 'big') + (480).to_bytes(4, 'big')
    assert 'ACPI turned it off' in done.stdout


@pytest.mark.parametrize('order, line', [('c', 'GUEST idle'), ('d', 'ISOLINUX'), ('dc', 'ISOLINUX'), ('cd', 'GUEST idle')])
def test_boot_order(start, order, line):
    machine = start('-drive', f'file={vm.image("idle.img")},format=raw,snapshot=on', '-cdrom', vm.image('isolinux.iso'),
                    '-boot', f'order={order}')
    if line.startswith('GUEST'):
        machine.serial.wait(line)
    else:
        machine.wait_for_screen(screens.reference_screens(
            ('-drive', f'file={vm.image("idle.img")},format=raw,snapshot=on', '-cdrom', vm.image('isolinux.iso'),
             '-boot', f'order={order}'), (Stage('boot:'),))[0])
