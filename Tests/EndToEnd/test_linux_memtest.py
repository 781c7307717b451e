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
    wait_serial(machine, 'Pass:  1', PATIENCE)
    shown = re.findall(rb'Pass:  (\d+) +Errors: (\d+)', bytes(machine.serial.data))
    assert len(shown) > 10 and {errors for _, errors in shown} == {b'0'}
    # The status line is drawn every other second, so only the last test, which waits by the clock, is sure to be seen on a fast host.
    assert b'#10 ' in machine.serial.data
