# SPDX-License-Identifier: Apache-2.0
"""What the monitor says about a stopped Linux agrees with what that Linux says about itself."""
import re
import subprocess
import time

import pytest
import vm
from linux import BusyboxShell, kernel_options

#: Symbols of fixed things, and functions that are surely there and long enough to disassemble.
DATA = ('_text', '_etext', 'linux_banner', 'idt_table', '__per_cpu_offset', 'init_top_pgt')
FUNCTIONS = ('schedule', 'vfs_read', 'do_exit', 'handle_mm_fault', 'kmem_cache_alloc', 'vsnprintf', 'copy_process')
INSTRUCTIONS = 24


class StoppedLinux:
    """A Linux at its shell, which has told about itself and then was stopped while it waits for a key."""

    def __init__(self, machine):
        self.machine, self.qmp = machine, machine.qmp
        shell = BusyboxShell(machine)
        self.version = shell.run('cat /proc/version')
        self.processors = int(shell.run('grep -c ^processor /proc/cpuinfo'))
        self.iomem = [(int(low, 16), int(high, 16), name) for low, high, name in
                      re.findall(r'^ *([0-9a-f]+)-([0-9a-f]+) : (.*)$', shell.run('cat /proc/iomem'), re.M)]
        names = '|'.join(DATA + FUNCTIONS)
        lines = shell.run(f"grep -E ' ({names})$' /proc/kallsyms")
        self.symbols = {name: int(address, 16) for address, name in re.findall(r'^([0-9a-f]+) \w (\w+)$', lines, re.M)}
        shell.wait_prompt()
        registers = self.stop_idle()
        self.registers = {name: int(value, 16) for name, value in re.findall(r'\b(R[A-Z0-9]{2}|CR\d|EFER) ?=([0-9a-f]+)', registers)}
        self.registers |= {name: int(base, 16) for name, base in re.findall(r'^(GS|FS) =\S+ ([0-9a-f]+)', registers, re.M)}
        self.registers |= {name: int(base, 16) for name, base in re.findall(r'^(GDT|IDT)= +([0-9a-f]+)', registers, re.M)}

    def stop_idle(self):
        """Stops the machine in the idle loop, where it is nearly always; returns the registers' text."""
        for _ in range(100):
            time.sleep(0.1)
            self.qmp.command('stop')
            registers = self.qmp.hmp('info registers')
            if 'HLT=1' in registers:
                return registers
            self.qmp.command('cont')
        raise TimeoutError(f'the guest is never idle: {registers}')

    def virtual(self, address, size):
        path = self.machine.path('virtual')
        signed = address - (1 << 64) if address >> 63 else address  # QAPI's int
        self.qmp.command('memsave', val=signed, size=size, filename=path)
        with open(path, 'rb') as file:
            return file.read()

    def number(self, address):
        return int.from_bytes(self.virtual(address, 8), 'little')


@pytest.fixture(scope='module')
def linux():
    with vm.Machine(['-m', '256', *kernel_options('amd64', 'console=ttyS0,115200 nokaslr quiet')]) as machine:
        yield StoppedLinux(machine)


def test_kernel_memory_by_virtual_address(linux):
    assert linux.virtual(linux.symbols['linux_banner'], len(linux.version)).decode() == linux.version


def test_virtual_and_physical_addresses_meet_in_the_kernels_code(linux):
    start = next(low for low, _, name in linux.iomem if name == 'Kernel code')
    size = min(linux.symbols['_etext'] - linux.symbols['_text'], 1 << 20)
    assert linux.machine.memory(start, size) == linux.virtual(linux.symbols['_text'], size)


def test_memory_of_the_guest_ends_where_the_kernel_says(linux):
    ram = [(low, high) for low, high, name in linux.iomem if name == 'System RAM']
    end = max(high for _, high in ram) + 1
    assert end <= 256 << 20 and end > 255 << 20
    with pytest.raises(vm.QMPError):
        linux.virtual(0xffffffff00000000, 16)  # below the kernel's text, where nothing is mapped


def test_registers_point_where_the_kernel_put_them(linux):
    registers, symbols = linux.registers, linux.symbols
    assert symbols['_text'] <= registers['RIP'] < symbols['_etext']
    assert linux.virtual(registers['RIP'] - 1, 1) == b'\xf4'  # the HLT before it
    assert registers['EFER'] & 0x500 == 0x500 and registers['CR0'] >> 31 == 1 and registers['CR4'] & 0x20
    assert registers['GS'] == linux.number(symbols['__per_cpu_offset'])
    assert linux.virtual(registers['IDT'], 4096) == linux.virtual(symbols['idt_table'], 4096)
    # The kernel's half of the top page table is everyone's.
    top = linux.machine.memory(registers['CR3'] & ~0xfff, 4096)
    assert top[511 * 8:] == linux.virtual(symbols['init_top_pgt'], 4096)[511 * 8:]


@pytest.mark.parametrize('function', FUNCTIONS)
def test_instructions_are_what_another_disassembler_reads(linux, function, tmp_path):
    address = linux.symbols[function]
    code = tmp_path / 'code'
    code.write_bytes(linux.virtual(address, INSTRUCTIONS * 16))
    listing = subprocess.run(['objdump', '-D', '-w', '-b', 'binary', '-m', 'i386:x86-64', f'--adjust-vma={address:#x}', code], check=True,
                             capture_output=True, text=True).stdout
    wanted = re.findall(r'^ *([0-9a-f]+):\t((?:[0-9a-f]{2} )+) *\t(.*)$', listing, re.M)[:INSTRUCTIONS]
    shown = linux.qmp.hmp(f'x /{INSTRUCTIONS}i {address:#x}')
    lines = re.findall(r'^0x([0-9a-f]+): +((?:[0-9a-f]{2} )+) +(\S.*?)\r?$', shown, re.M)
    assert [(line[0], plain(line[2])) for line in lines] == [(line[0], plain(line[2])) for line in wanted]


def plain(text):
    """The bare mnemonic: disassemblers differ about prefixes' names, width suffixes and the name of a two-byte NOP."""
    if re.match(r'xchg +%ax, ?%ax$', text):
        return 'nop'
    words = [word for word in text.split() if word not in ('cs', 'data16', 'rep', 'lock')]
    return words[0].rstrip('bwlq')


def test_processors(linux):
    fast = linux.qmp.command('query-cpus-fast')
    assert [cpu['cpu-index'] for cpu in fast] == list(range(linux.processors))
    assert fast[0]['target'] == 'x86_64' and fast[0]['qom-path'].startswith('/machine')
    assert re.match(r'\* CPU #0: thread_id=\d+', linux.qmp.hmp('info cpus'))


@pytest.mark.apus
def test_query_cpus_shows_the_program_counter(linux):
    cpus = linux.qmp.command('query-cpus')
    assert len(cpus) == linux.processors
    assert cpus[0]['pc'] % (1 << 64) == linux.registers['RIP'] and cpus[0]['halted'] is True


@pytest.mark.apus
def test_linux_boots_on_the_largest_processor(start):
    machine = start('-m', '256', '-cpu', 'max', *kernel_options('amd64', 'console=ttyS0,115200 quiet'))
    shell = BusyboxShell(machine)
    shell.multiply()
    flags = shell.run('grep -m1 ^flags /proc/cpuinfo').split()
    assert {'monitor', 'popcnt', 'movbe', 'rdtscp', 'pdpe1gb', 'x2apic', 'osvw'} <= set(flags)
    # An idle processor waits in MWAIT, and costs the host next to nothing.
    assert shell.run('dmesg | grep -c "using mwait in idle threads"') == '1\n'
    shell.wait_prompt()
    for _ in range(20):
        before, begin = machine.cpu_seconds(), time.monotonic()
        time.sleep(1)
        share = (machine.cpu_seconds() - before) / (time.monotonic() - begin)
        if share < 0.03:
            break
    assert share < 0.03
