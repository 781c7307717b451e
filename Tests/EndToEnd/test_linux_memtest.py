# SPDX-License-Identifier: Apache-2.0
"""memtest86+ finds no error in the guest's memory, through all its tests."""
import re

import pytest
import vm
from linux import wait_serial

#: As little memory as it takes, because the emulated machine's memory is what the time goes for.
MEBIBYTES = 16
#: It waits for minutes in the bit fade test, whatever the machine.
PATIENCE = 3600


@pytest.mark.long
def test_memtest_first_pass(start):
    machine = start('-m', MEBIBYTES, '-kernel', vm.image('linux/memtest.bin'), '-append', 'console=ttyS0,115200')
    wait_serial(machine, 'Memtest86+ v6', 60)
    # A pass ends when all its tests are done; the line that says so tells the errors as well, to its end.
    passed = wait_serial(machine, 'Pass:  1 ', PATIENCE)
    wait_serial(machine, '\x1b[', 60, start=passed)
    shown = re.findall(rb'Pass: +(\d+) +Errors: +(\d+) ', bytes(machine.serial.data))
    assert {count for count, _ in shown} == {b'0', b'1'} and shown[-1] == (b'1', b'0')
    assert {errors for _, errors in shown} == {b'0'}
    # The status line is drawn every other second. A fast host ends a test in between; the last one waits by the clock and is surely seen.
    assert b'#10 [Bit fade test' in machine.serial.data
