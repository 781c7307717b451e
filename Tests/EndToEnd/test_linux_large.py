# SPDX-License-Identifier: Apache-2.0
"""Linux with more memory than lies below 4 GiB: it sees all of it, and what it writes above is there for the monitor."""
import random
import re

import pytest
import vm
from linux import BusyboxShell, kernel_options

GIB = 1 << 30
MEMORY = 8 * GIB
#: Memory above 4 GiB that the kernel leaves alone, so that /dev/mem may be used on it: the last of it.
RESERVED = 64 << 20


@pytest.fixture(scope='module')
def machine():
    append = f'console=ttyS0,115200 quiet memmap={RESERVED:#x}$0x23c000000'
    with vm.Machine(['-m', '8G', *kernel_options('amd64', append)]) as machine:
        machine.shell = BusyboxShell(machine)
        yield machine


def test_the_kernel_finds_all_memory_around_the_hole(machine):
    iomem = [(int(low, 16), int(high, 16) + 1, name) for low, high, name in
             re.findall(r'^([0-9a-f]+)-([0-9a-f]+) : (.*)$', machine.shell.run('cat /proc/iomem'), re.M)]
    memory = [(low, high) for low, high, name in iomem if name == 'System RAM']
    assert (4 * GIB, 9 * GIB - RESERVED) in memory
    low = [high for start, high in memory if start == 1 << 20]
    assert len(low) == 1 and 3 * GIB - (1 << 20) < low[0] <= 3 * GIB
    assert all(start >= 4 * GIB or high <= 3 * GIB for start, high in memory)
    assert sum(high - start for start, high in memory) > MEMORY - RESERVED - (1 << 20)
    total = int(re.search(r'MemTotal: +(\d+) kB', machine.shell.run('cat /proc/meminfo'))[1]) * 1024
    assert 0.95 * MEMORY < total < MEMORY - RESERVED


def test_bytes_written_above_4_gib_are_there(machine):
    places = [9 * GIB - 8, 9 * GIB - RESERVED] + [9 * GIB - RESERVED + 8 * random.randrange(RESERVED // 8) for _ in range(4)]
    for address in places:
        value = random.getrandbits(64)
        below = machine.memory(address - 4 * GIB, 8), machine.memory(address & 0xffffffff, 8)
        machine.shell.run(f'devmem {address:#x} 64 {value:#x}')
        assert int(machine.shell.run(f'devmem {address:#x} 64'), 16) == value
        assert machine.memory(address, 8) == value.to_bytes(8, 'little')
        assert machine.qmp.hmp(f'xp /1gx {address:#x}').split() == [f'{address:016x}:', f'{value:#018x}']
        # Nothing comes back at an address that is the same in 32 bits.
        assert (machine.memory(address - 4 * GIB, 8), machine.memory(address & 0xffffffff, 8)) == below


def test_a_process_above_4_gib_is_where_its_page_table_says(machine):
    marker = f'marker-{random.getrandbits(128):032x}'
    machine.shell.run(f'(MARKER={marker} sleep 10000 &)')
    process = machine.shell.run('pidof sleep').strip()
    end = int(re.search(r'-([0-9a-f]+) .*\[stack\]', machine.shell.run(f'cat /proc/{process}/maps'))[1], 16)
    # The environment ends with the stack's last page; a page's entry holds its frame in bits 0 to 54 (Linux, pagemap.rst).
    words = machine.shell.run(f'dd if=/proc/{process}/pagemap bs=8 skip={end // 4096 - 1} count=1 2>/dev/null | od -An -tx8')
    entry = int(words, 16)
    assert entry >> 63, 'the page is not present'
    frame = (entry & ((1 << 55) - 1)) * 4096
    assert 4 * GIB <= frame < 9 * GIB
    assert marker.encode() in machine.memory(frame, 4096)
