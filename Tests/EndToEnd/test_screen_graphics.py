# SPDX-License-Identifier: Apache-2.0
"""The characters of graphics modes, over QMP, held against what was printed."""
import os
import re
import subprocess
import time

import linux
import pytest
import vm
from test_screen import digest, screen_text, wait_for_text

pytestmark = pytest.mark.apus


def test_grub_terminal():
    config = open(os.path.join(vm.ROOT, 'images/grub/gfx.cfg'), encoding='utf-8').read()
    with vm.Machine(('-nic', 'none', '-m', '128', '-cdrom', vm.image('grub-gfx.iso')), serial=False) as machine:
        shown = wait_for_text(machine, 'Press enter to boot')
        assert (shown['mode'], shown['cell-width'], shown['cell-height'], shown['unknown']) == ('graphics', 8, 16, 0)
        # The terminal is inside a frame, off the grid of the picture's corner.
        assert shown['top'] % 16 != 0
        entries = re.findall(r"menuentry '(.*?)'", config)
        rows = [row.strip() for row in shown['rows']]
        assert [row.strip('┃* ') for row in rows if row.startswith('┃')][:len(entries)] == entries
        assert any(re.fullmatch('┏━{60,}┓', row) for row in rows) and any(re.fullmatch('┗━{60,}┛', row) for row in rows)
        assert any('Use the ↑ and ↓ keys' in row for row in rows)
        machine.press('ret')
        printed = re.findall(r"echo '(.*?)'", config)
        shown = wait_for_text(machine, printed[1])
        assert [row.strip() for row in shown['rows'] if row.strip()] == printed and shown['unknown'] == 0
        assert shown['cursor'] is not None


def test_syslinux_graphical_menu():
    with vm.Machine(('-nic', 'none', '-m', '64', '-cdrom', vm.image('vesamenu.iso')), serial=False) as machine:
        shown = wait_for_text(machine, 'Press [Tab] to edit options')
        assert (shown['mode'], shown['unknown']) == ('graphics', 0)
        rows = [row.strip() for row in shown['rows'] if row.strip()]
        line = '─' * 56
        assert rows[0] == f'┌{line}┐' and rows[2] == f'├{line}┤' and rows[-2] == f'└{line}┘'
        assert [row.strip('│ ') for row in (rows[1], rows[3], rows[4])] == [
            'Apus test menu', 'First entry', 'Second entry WMXVfmvx 0T']
        assert all(row == '│' + 56 * ' ' + '│' for row in rows[5:-2])
        machine.press('down')
        shown = wait_for_text(machine, 'Help text of the second entry.')
        assert shown['unknown'] == 0


def archive(name, data):
    """A file as an initramfs of its own (cpio, "newc"), which the kernel unpacks behind the first."""
    def entry(path, mode, content):
        path = path.encode() + b'\0'
        fields = [0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(path), 0]
        head = b'070701' + b''.join(b'%08X' % field for field in fields) + path
        return head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4)
    return entry(name, 0o100644, data) + entry('TRAILER!!!', 0, b'')


def console(tmp_path, mode, files=b''):
    initrd = tmp_path / 'initrd'
    data = open(linux.medium('amd64', 'initrd.gz'), 'rb').read()
    initrd.write_bytes(data + bytes(-len(data) % 4) + files)
    return ('-m', '256', '-kernel', linux.medium('amd64', 'vmlinuz'), '-initrd', str(initrd), '-append',
            f'console=tty0 {linux.APPEND} quiet vga={mode}')


def show(shell, text):
    """Writes a text on an empty screen; the octal codes pass any terminal."""
    octal = ''.join(f'\\{byte:03o}' for byte in text.encode())
    # The line editor has its limits.
    for part in re.findall(r'(?:\\\d+){1,100}', octal):
        shell.run(f"printf '{part}' >> /text")
    shell.run("{ printf '\\033[2J\\033[H'; cat /text; } > /dev/tty1; rm /text")


ASCII = ''.join(map(chr, range(33, 127)))


def made_font(count=512):
    """A console font (PSF, version 1) whose glyphs are no font's: line by line the bits of their number. And the
    characters that they stand for."""
    characters = {number: chr(number) for number in range(32, 127)}
    characters |= {number: chr(0x400 + number) for number in range(160, count)}
    glyphs = b''.join(
        bytes(16) if number in (0, 32) else bytes(
            [0, 0, 0x7e, number & 0xff, ~number & 0xff, 0x18 | number >> 8 << 7, number * 5 & 0xff, 0x42] + [0] * 8)
        for number in range(count))
    table = b''.join(characters.get(number, '').encode('utf-16le') + b'\xff\xff' for number in range(count))
    return bytes([0x36, 0x04, 0x03, 16]) + glyphs + table, characters


def test_linux_frame_buffer_console(tmp_path):
    font, characters = made_font()
    with vm.Machine(console(tmp_path, '0x317', archive('font', font))) as machine:
        shell = linux.BusyboxShell(machine)
        shell.run('echo 0 > /sys/class/graphics/fbcon/cursor_blink')
        # What the kernel says of itself, as it is on the other console.
        said = shell.run('dmesg | tail -n 40 > /tmp/said; cat /tmp/said').splitlines()
        shell.run("printf '\\033[2J\\033[H' > /dev/tty1; cat /tmp/said > /dev/tty1")
        shown = wait_for_text(machine, said[-1][:100])
        assert (shown['mode'], shown['columns'], len(shown['rows']), shown['unknown']) == ('graphics', 128, 48, 0)
        wrapped = [line[at:at + 128].rstrip() for line in said for at in range(0, len(line), 128)]
        assert [row for row in shown['rows'] if row] == wrapped[-47:]

        # ASCII, where Linux's font is not the firmware's, lines and letters of code page 437. A full block is not told
        # from a blank in its colour.
        lines = [ASCII, '0MTVWXfmvx', '┌──┬══╗ ░▒▓ äöüß ñ ± ½', '│ok│  ║']
        show(shell, '\n'.join(lines) + '\n\033[1;33;44mcoloured\033[0m end')
        shown = wait_for_text(machine, 'coloured end')
        assert [row for row in shown['rows'] if row] == lines + ['coloured end'] and shown['unknown'] == 0
        assert shown['cursor'] == {'row': 4, 'column': len('coloured end')}
        run = next(run for run in shown['runs'] if run['row'] == 4)
        assert (run['column'], run['length']) == (0, 8) and (run['foreground'], run['background']) == (0xffff52, 0xad)

        check_unchanged(machine)
        for number in range(3):
            before = digest(machine)['sha256']
            show(shell, f'number {number}\n')
            assert screen_text(machine)['rows'][0] == f'number {number}' and digest(machine)['sha256'] != before

        # A font that a program has loaded has the characters that it says.
        shell.run('loadfont < /font')
        lines = [ASCII, ''.join(characters[number] for number in range(160, 250)), 'ok ' + characters[400] + characters[511]]
        show(shell, '\n'.join(lines) + '\n')
        shown = wait_for_text(machine, ASCII)
        assert [row for row in shown['rows'] if row] == lines and shown['unknown'] == 0


def check_unchanged(machine):
    """An answer about a screen that stands still takes no drawing: a megabyte of pixels in a fraction of their time."""
    picture, text = digest(machine)['sha256'], screen_text(machine)['rows']
    start = time.monotonic()
    for _ in range(100):
        assert digest(machine)['sha256'] == picture and screen_text(machine)['rows'] == text
    assert time.monotonic() - start < 4


def test_snapshots_and_resets_change_the_screen(tmp_path):
    disk = tmp_path / 'disk.qcow2'
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', disk, '1M'], check=True)
    with vm.Machine(('-nic', 'none', '-m', '128', '-cdrom', vm.image('grub-gfx.iso'), '-boot', 'd',
                     '-drive', f'file={disk},format=qcow2'), serial=False) as machine:
        menu = wait_for_text(machine, 'Press enter to boot')
        picture = digest(machine)['sha256']
        assert machine.qmp.hmp('savevm here') == ''
        machine.press('ret')
        wait_for_text(machine, 'The quick brown fox')
        machine.qmp.command('stop')
        assert digest(machine)['sha256'] != picture
        assert machine.qmp.hmp('loadvm here') == ''
        assert (digest(machine)['sha256'], screen_text(machine)['rows']) == (picture, menu['rows'])
        machine.qmp.command('system_reset')
        assert digest(machine)['sha256'] != picture and screen_text(machine)['rows'] != menu['rows']
