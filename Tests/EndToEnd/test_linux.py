# SPDX-License-Identifier: Apache-2.0
"""Debian's kernels, as they are, to a shell on the serial port: from a kernel file, a CD and a disk, for both architectures."""
import pytest
from linux import APPEND, ARCHITECTURES, BusyboxShell, kernel_options, medium, wait_exit

#: The kernel's first line, with a time stamp, which `quiet` keeps from the console.
BANNER = b'] Linux version 6.1.'
LOUDNESS = ('quiet', 'verbose')


def from_kernel(start, architecture, loudness):
    append = APPEND + (' quiet' if loudness == 'quiet' else '')
    return start('-m', '256', '-no-reboot', *kernel_options(architecture, append))


def from_cd(start, architecture, loudness):
    machine = start('-m', '256', '-no-reboot', '-cdrom', medium(architecture, 'cd.iso'))
    machine.serial.wait('boot: ', timeout=60)
    machine.serial.send(loudness.encode() + b'\r')
    return machine


def from_disk(start, architecture, loudness):
    machine = start('-m', '256', '-no-reboot', '-snapshot', '-hda', medium(architecture, 'disk.img'))
    machine.serial.wait('Linux, verbose', timeout=60)
    if loudness == 'verbose':
        machine.serial.send(b'\x0e')  # control-N: the next line
        machine.serial.wait('*Linux, verbose', timeout=60)
    machine.serial.send(b'\r')
    return machine


@pytest.mark.parametrize('architecture', ARCHITECTURES)
@pytest.mark.parametrize('loudness', LOUDNESS)
@pytest.mark.parametrize('boot', [from_kernel, from_cd, from_disk])
def test_boots_to_a_shell_that_computes_and_powers_off(start, boot, architecture, loudness):
    machine = boot(start, architecture, loudness)
    shell = BusyboxShell(machine)
    shell.multiply()
    assert shell.run('uname -m') == {'amd64': 'x86_64\n', 'i386': 'i686\n'}[architecture]
    assert (BANNER in machine.serial.data) == (loudness == 'verbose')
    shell.wait_prompt()
    shell.send('poweroff')
    assert machine.qmp.wait_event('SHUTDOWN', timeout=60)['data'] == {'guest': True, 'reason': 'guest-shutdown'}
    assert wait_exit(machine) == 0


@pytest.mark.parametrize('architecture', ARCHITECTURES)
def test_reboot_ends_a_machine_that_must_not(start, architecture):
    machine = from_kernel(start, architecture, 'quiet')
    shell = BusyboxShell(machine)
    shell.multiply()
    shell.wait_prompt()
    shell.send('reboot')
    assert machine.qmp.wait_event('SHUTDOWN', timeout=60)['data'] == {'guest': True, 'reason': 'guest-reset'}
    assert wait_exit(machine) == 0


def test_reboot_starts_the_kernel_again(start):
    machine = start('-m', '256', *kernel_options('amd64', APPEND + ' quiet'))
    for _ in range(2):
        shell = BusyboxShell(machine)
        shell.multiply()
        shell.wait_prompt()
        shell.send('reboot')
        assert machine.qmp.wait_event('RESET', timeout=60)
        machine.serial.data.clear()
    BusyboxShell(machine).multiply()
