# SPDX-License-Identifier: Apache-2.0
"""Linux's clock goes on whatever comes between it and its processor: other interrupts, and a monitor that stops the machine."""
import time

import vm
from linux import BusyboxShell, kernel_options

#: Some 10,000 interrupts of the serial port, and a sleep after each 170 or so. A timer whose interrupt is lost ends them all.
ROUNDS, LINES, NAP = 60, 400, 2000
BUSY = (f'i=0; while [ $i -lt {ROUNDS} ]; do seq -w {LINES}; usleep {NAP}; i=$((i+1)); done; echo "the end: $((6*7))"')


def test_a_machine_that_is_stopped_again_and_again_keeps_its_timers(start):
    machine = start('-m', '256', *kernel_options('amd64', 'console=ttyS0,115200 quiet'))
    shell = BusyboxShell(machine)
    shell.wait_prompt()
    shell.send(BUSY)
    pairs, heard, patience = 0, 0, 0
    while b'the end: 42' not in machine.serial.data:
        if len(machine.serial.data) > heard:
            heard, patience = len(machine.serial.data), time.monotonic() + 30
        assert time.monotonic() < patience, f'after {pairs} pairs the guest says nothing any more: {bytes(machine.serial.data[-100:])!r}'
        machine.qmp.command('stop')
        assert machine.qmp.command('query-status')['running'] is False
        machine.qmp.command('cont')
        pairs += 1
        time.sleep(0.02)
    shell.offset = len(machine.serial.data) - 200
    shell.multiply()
