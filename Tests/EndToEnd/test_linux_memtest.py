# SPDX-License-Identifier: Apache-2.0
"""memtest86+ finds no error in the guest's memory, through all its tests."""
import re

import pytest
import vm

#: As little memory as it takes, because the emulated machine's memory is what the time goes for.
MEBIBYTES = 16
#: It waits for minutes in the bit fade test, whatever the machine.
PATIENCE = 3600


@pytest.mark.long
def test_memtest_first_pass(start):
    machine = start('-m', MEBIBYTES, '-kernel', vm.image('linux/memtest.bin'), '-append', 'console=ttyS0,115200')
    machine.serial.wait('Memtest86+ v6', timeout=60)
    machine.serial.wait('Pass:  1', timeout=PATIENCE)
    shown = re.findall(rb'Pass:  (\d+) +Errors: (\d+)', bytes(machine.serial.data))
    assert len(shown) > 10 and {errors for _, errors in shown} == {b'0'}
    for test in (4, 6, 8, 9, 10):  # the status line shows those that last a while
        assert b'#%d ' % test in machine.serial.data, f'test {test} never ran'
