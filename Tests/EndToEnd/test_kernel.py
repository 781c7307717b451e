# SPDX-License-Identifier: Apache-2.0
"""`-kernel`: small Linux and Multiboot kernels of ours report what their boot loader gave them, and it is what QEMU gives."""
import os
import shutil
import struct
import subprocess

import pytest
import vm

SOURCES = os.path.join(vm.ROOT, 'images', 'guests', 'kernel')
HEADLESS = ('-display', 'none', '-nic', 'none', '-monitor', 'none')
#: What isa-debug-exit makes of the 10h that the kernels write.
REPORTED = 33


def assemble(name, path, **settings):
    subprocess.run(['nasm', '-f', 'bin', '-Wall', '-Werror', '-i', SOURCES + '/', '-o', path,
                    *(f'-D{key}={value}' for key, value in settings.items()), os.path.join(SOURCES, name + '.asm')], check=True)
    return path


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, so that names in reports do not depend on where it is, with two files of random bytes."""
    monkeypatch.chdir(tmp_path)
    for name, count in (('disk', 70001), ('module', 5000), ('empty', 0)):
        (tmp_path / name).write_bytes(os.urandom(count))
    return tmp_path


def report(program, arguments):
    """Status and lines of a kernel that reports on COM1."""
    done = subprocess.run([program, *HEADLESS, '-device', 'isa-debug-exit', '-serial', 'stdio', *arguments], capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=60)
    assert done.stderr == b''
    return done.returncode, done.stdout.decode('latin-1').splitlines()


def check(arguments, *expected):
    """The report has the expected lines and is the reference's."""
    status, lines = report(vm.emulator(), arguments)
    assert status == REPORTED, lines
    for line in expected:
        assert line in lines
    if shutil.which(vm.REFERENCE):
        assert (status, lines) == report(vm.REFERENCE, arguments)
    return lines


def checksum(data):
    value = 0
    for byte in data:
        value = ((value << 5 | value >> 27) + byte) & 0xffffffff
    return f'{value:08X}'


# ---- Linux ------------------------------------------------------------------------------------------------------------

LINUX = {
    'no header': dict(VERSION=0),
    '2.00 zImage': dict(VERSION=0x200, LOADFLAGS=0),
    '2.00': dict(VERSION=0x200),
    '2.01': dict(VERSION=0x201),
    '2.02, setup sectors not told': dict(VERSION=0x202, SETUP_SECTORS=0),
    '2.03': dict(VERSION=0x203, INITRD_MAX=0x37ffffff),
    '2.03, low limit': dict(VERSION=0x203, INITRD_MAX=0x2ffffff),
    '2.06 zImage': dict(VERSION=0x206, LOADFLAGS=0),
    '2.09': dict(VERSION=0x209),
    '2.11, large setup': dict(VERSION=0x20b, SETUP_SECTORS=30),
    '2.12, above 4 GiB': dict(VERSION=0x20c, XLOADFLAGS=2),
    '2.15': dict(VERSION=0x20f, XLOADFLAGS=2, PAYLOAD=20000),
}


@pytest.mark.parametrize('memory', [32, 128, 4000])
@pytest.mark.parametrize('settings', LINUX.values(), ids=LINUX)
def test_a_linux_kernel_gets_what_qemu_gives(folder, settings, memory):
    if memory == 32 and settings.get('INITRD_MAX') == 0x2ffffff:
        pytest.skip('the limit is above memory')
    kernel = assemble('bzimage', 'kernel', **settings)
    disk = [] if settings['VERSION'] == 0 else ['-initrd', 'disk']
    expected = ['KERNEL bzimage', 'ss:ds 10001000' if settings.get('LOADFLAGS', 1) and settings['VERSION'] >= 0x202 else
                'ss:ds 90009000', 'interrupts 00000000']
    if disk:
        expected += ['ramdisk_size 00011171', 'ramdisk ' + checksum((folder / 'disk').read_bytes())]
    if settings['VERSION'] >= 0x202 or settings['VERSION'] == 0:
        payload = bytes((at * 7 + at // 256) & 255 for at in range(settings.get('PAYLOAD', 5000)))
        expected.append('kernel ' + checksum(payload))
    if settings['VERSION']:
        expected.append('command line [console=ttyS0 root=/dev/none]')
    check(['-m', str(memory), '-kernel', kernel, *disk, '-append', 'console=ttyS0 root=/dev/none'], *expected)


@pytest.mark.parametrize('text, mode', [('vga=normal', 0xffff), ('vga=ext', 0xfffe), ('vga=ask x', 0xfffd), ('x vga=0x318 y', 0x318),
                                        ('vga=791', 791), ('vga=017 vga=3', 15), ('vga=-1', 0xffff), ('nothing', 0x1234), ('', 0x1234)])
def test_the_video_mode_is_taken_from_the_command_line(folder, text, mode):
    kernel = assemble('bzimage', 'kernel')
    check(['-kernel', kernel, '-append', text], f'vid_mode {mode:08X}', f'command line [{text}]')


def test_a_device_tree_is_handed_over(folder):
    kernel = assemble('bzimage', 'kernel', PAYLOAD=5003)
    check(['-kernel', kernel, '-dtb', 'module'], ' type 00000002', ' bytes 00001388',
          ' sum ' + checksum((folder / 'module').read_bytes()))


def test_an_empty_ram_disk(folder):
    check(['-kernel', assemble('bzimage', 'kernel'), '-initrd', 'empty'], 'ramdisk_size 00000000')


def test_a_kernel_goes_before_all_drives_and_its_file_stays(folder):
    kernel = assemble('bzimage', 'kernel')
    before = (folder / 'kernel').read_bytes()
    (folder / 'kernel').chmod(0o444)
    check(['-kernel', kernel, '-boot', 'c', '-drive', f'file={vm.image("idle.img")},format=raw,snapshot=on'], 'KERNEL bzimage')
    assert (folder / 'kernel').read_bytes() == before


# ---- Multiboot --------------------------------------------------------------------------------------------------------

MULTIBOOT = {'ELF': {}, 'ELF, virtual entry': dict(VIRTUAL='0xc0000000'), 'flat': dict(FLAT=1), 'flat, all addresses': dict(FLAT=1, LOAD_END=1)}


@pytest.mark.parametrize('memory', [32, 128, 4000])
@pytest.mark.parametrize('settings', MULTIBOOT.values(), ids=MULTIBOOT)
def test_a_multiboot_kernel_gets_what_qemu_gives(folder, settings, memory):
    kernel = assemble('multiboot', 'kernel', **settings)
    (folder / 'with,comma').write_bytes(b'x' * 4096)
    disk, module = ((folder / name).read_bytes() for name in ('disk', 'module'))
    lines = check(['-m', str(memory), '-kernel', kernel, '-append', 'some words', '-initrd', 'disk one  two,with,,comma z,module,empty'],
                  'eax 2BADB002', 'eflags 00000000', 'cr0 00000001', 'flags 0000024F', '[kernel some words]', '[qemu]',
                  'mods_count 00000004', '[disk one  two]', '[with,comma z]', '[module]', '[empty]', ' sum ' + checksum(disk),
                  ' sum ' + checksum(module), ' sum ' + checksum(b'x' * 4096))
    assert ('zeroed 00000000' in lines) == (settings != dict(FLAT=1))
    assert [line for line in lines if line.startswith('00000014 00100000 00000000')], 'no memory map'


@pytest.mark.parametrize('modules', [None, 'module', 'module,'])
def test_a_multiboot_kernel_with_no_or_one_module(folder, modules):
    kernel = assemble('multiboot', 'kernel')
    check(['-kernel', kernel, *(['-initrd', modules] if modules else [])], f'mods_count 0000000{1 if modules else 0}', '[kernel ]')


# ---- Refusals ---------------------------------------------------------------------------------------------------------

def header(flags, *fields):
    words = (0x1badb002, flags, -(0x1badb002 + flags) & 0xffffffff, *fields)
    return b''.join(word.to_bytes(4, 'little') for word in words).ljust(4096, b'\0')


ADDRESSES = 1 << 16
BASE = 1 << 20
PLAIN_ELF = (b'\x7fELF\1\1\1' + bytes(9) + struct.pack('<HHIIIIIHHHHHH', 2, 3, 1, BASE, 52, 0, 0, 52, 32, 1, 40, 0, 0)
             + struct.pack('<8I', 1, 0, BASE, BASE, 128, 128, 7, 4096)).ljust(4096, b'\0')
BROKEN = {
    'empty': (b'', "could not load kernel 'kernel': No such file or directory"),
    'one byte': (b'x', 'invalid kernel header'),
    'text': (b'no kernel ' * 20, 'invalid kernel header'),
    'truncated': (bytes(0x1f1) + b'\xc8' + bytes(16) + b'HdrS\x0f\x02' + bytes(4096), 'invalid kernel header'),
    'ELF without segments': (b'\x7fELF\1\1\1' + bytes(9) + b'\2\0\3\0' + bytes(4000), 'Error while loading elf kernel'),
    'ELF': (PLAIN_ELF, 'Error loading uncompressed kernel without PVH ELF Note'),
    'Multiboot, no ELF': (header(0), 'Error while loading elf kernel'),
    'Multiboot, 64 bit': (b'\x7fELF\2\1\1' + bytes(9) + b'\2\0\x3e\0' + bytes(44) + header(0), 'Cannot load x86-64 image, give a 32bit one.'),
    'load address': (header(ADDRESSES, BASE, 2 * BASE, 0, 0, BASE), 'invalid load_addr address'),
    'header address': (header(ADDRESSES, 2 * BASE, BASE, 0, 0, BASE), 'invalid header_addr address'),
    'load end': (header(ADDRESSES, BASE, BASE, 80, 0, BASE), 'invalid load_end_addr address'),
    'beyond the file': (header(ADDRESSES, BASE, BASE, 2 * BASE, 0, BASE), 'fread() failed'),
    'bss end': (header(ADDRESSES, BASE, BASE, 0, BASE + 16, BASE), 'invalid bss_end_addr address'),
    'address space': (header(ADDRESSES, 0xfffffff0, 0xfffffff0, 0, 0, BASE), 'kernel does not fit in address space'),
}


def refusal(run, *arguments):
    done = run(*HEADLESS, *arguments)
    assert done.returncode == 1 and done.stdout == b''
    text = done.stderr.decode()
    assert text.count('\n') == 1
    return text.rstrip('\n').partition(': ')[2]  # the reference names itself in two ways


@pytest.mark.parametrize('contents, sentence', BROKEN.values(), ids=BROKEN)
def test_what_is_no_kernel(run, folder, contents, sentence):
    (folder / 'kernel').write_bytes(contents)
    assert refusal(run, '-kernel', 'kernel') == sentence


@pytest.mark.apus
def test_a_header_that_asks_for_more_than_memory(run, folder, prefix):
    (folder / 'kernel').write_bytes(header(ADDRESSES, BASE, BASE, 0, 0xfff00000, BASE))
    assert refusal(run, '-kernel', 'kernel') == 'kernel does not fit in guest memory'


REFUSALS = [
    (['-kernel', '/nonexistent'], "could not open kernel file '/nonexistent': No such file or directory"),
    (['-kernel', ''], "could not open kernel file '': No such file or directory"),
    (['-kernel', '/tmp'], "could not load kernel '/tmp': Is a directory"),
    (['-append', 'x'], '-append only allowed with -kernel option'),
    (['-append', ''], '-append only allowed with -kernel option'),
    (['-initrd', 'disk'], '-initrd only allowed with -kernel option'),
    (['-initrd', 'disk', '-append', 'x'], '-append only allowed with -kernel option'),
    (['-M', 'none', '-kernel', 'LINUX'], "The -kernel parameter is not supported (use the generic 'loader' device instead)."),
    (['-kernel', 'LINUX', '-initrd', '/nonexistent'],
     'error reading initrd /nonexistent: Failed to open file “/nonexistent”: open() failed: No such file or directory'),
    (['-kernel', 'LINUX', '-initrd', 'disk,module'],
     'error reading initrd disk,module: Failed to open file “disk,module”: open() failed: No such file or directory'),
    (['-kernel', 'LINUX', '-initrd', 'disk', '-m', '1'], 'initrd is too large, cannot support.(max: 884735, need 1048576)'),
    (['-kernel', 'OLD', '-initrd', 'disk'], 'linux kernel too old to load a ram disk'),
    (['-kernel', 'OLD', '-dtb', 'disk'], 'Linux kernel too old to load a dtb'),
    (['-kernel', 'LINUX', '-dtb', '/nonexistent'], 'error reading dtb /nonexistent: No such file or directory'),
    (['-kernel', 'LINUX', '-append', 'vga=none'], "invalid 'vga=' kernel parameter."),
    (['-kernel', 'LINUX', '-append', 'vga='], "invalid 'vga=' kernel parameter."),
    (['-kernel', 'LINUX', '-append', 'vga=3,4'], "invalid 'vga=' kernel parameter."),
    (['-kernel', 'MULTIBOOT', '-initrd', 'nofile words'], "Failed to open file 'nofile'"),
    (['-kernel', 'MULTIBOOT', '-initrd', 'module x,/tmp'], "Failed to open file '/tmp'"),
]


@pytest.mark.parametrize('arguments, sentence', REFUSALS, ids=[' '.join(arguments) for arguments, _ in REFUSALS])
def test_refusals_have_qemus_sentence(run, folder, arguments, sentence):
    (folder / 'disk').write_bytes(bytes(1 << 20))
    kernels = {'LINUX': ('bzimage', {}), 'OLD': ('bzimage', dict(VERSION=0)), 'MULTIBOOT': ('multiboot', {})}
    for word, (name, settings) in kernels.items():
        if word in arguments:
            assemble(name, word, **settings)
    assert refusal(run, *arguments) == sentence


# ---- The rest of the machine ------------------------------------------------------------------------------------------

@pytest.mark.apus
def test_saved_in_the_middle_of_the_boot_and_loaded_by_another_process(folder):
    kernel = assemble('bzimage', 'kernel')
    program = os.environ.get('EXACT_RUN') or os.path.join(os.path.dirname(vm.emulator()), 'exact-run')
    options = ['-icount', 'shift=6,sleep=off', '-rtc', 'base=2026-01-01T00:00:00,clock=vm', '-nic', 'none', '-display', 'none', '-serial',
               'null', '-device', 'isa-debug-exit', '-kernel', kernel, '-initrd', 'disk', '-append', 'x']

    def run(count, *settings):
        return subprocess.run([program, str(count), *settings, '--', *options], check=True, capture_output=True, text=True, timeout=60).stdout

    whole = run(10 ** 10)
    length = int(whole.split()[0].partition('=')[2])
    assert f'status={REPORTED} ' in whole
    for tenth in (2, 5, 8, 9):
        run(length * tenth // 10, 'save=image')
        assert run(10 ** 10, 'load=image') == whole


def test_monitors_see_nothing_of_it(folder, start):
    machine = start('-S', '-kernel', assemble('bzimage', 'kernel'), '-append', 'x', serial=False)
    assert machine.qmp.command('query-status')['status'] == 'prelaunch'
    assert [device for device in machine.qmp.command('query-block') if device.get('inserted')] == []


BOOT_ORDER_READER = """
  bits 16
  org 0
  start: xor ebp, ebp
    mov ax, cs
    mov ds, ax
    mov ax, 19h                 ; the directory
    mov dx, 510h
    out dx, ax
    call number
    mov ebx, eax
  .entry: call number           ; a size
    mov esi, eax
    call take
    mov ah, al
    call take
    mov di, ax                  ; a selector
    call take
    call take
    mov bp, name
    mov cx, 56
    xor ah, ah                  ; set once it differs
  .letter: call take
    cmp bp, name.end
    jae .skip
    cmp al, [ds:bp]
    je .same
    mov ah, 1
  .same: inc bp
  .skip: loop .letter
    test ah, ah
    jz .found
    dec ebx
    jnz .entry
    jmp .end
  .found: mov ax, di
    mov dx, 510h
    out dx, ax
  .print: call take
    out 0e9h, al
    dec esi
    jnz .print
  .end: mov dx, 501h
    mov al, 10h
    out dx, al
    hlt
  number: call take
    shl eax, 8
    call take
    shl eax, 8
    call take
    shl eax, 8
  take: mov dx, 511h
    in al, dx
    ret
  name: db 'bootorder', 0
  .end:
    times 0fff0h - ($ - $$) db 0
    jmp 0f000h:start
    times 10000h - ($ - $$) db 0
"""


@pytest.mark.parametrize('strict, order', [((), b'/rom@genroms/linuxboot_dma.bin\0'),
                                           (('-boot', 'strict=on'), b'/rom@genroms/linuxboot_dma.bin\nHALT\0')])
def test_firmware_is_told_what_to_boot(folder, strict, order):
    (folder / 'rom.asm').write_text(BOOT_ORDER_READER)
    subprocess.run(['nasm', '-f', 'bin', '-o', 'rom', 'rom.asm'], check=True)
    kernel = assemble('bzimage', folder / 'kernel')
    done = subprocess.run([vm.emulator(), *HEADLESS, '-bios', 'rom', '-kernel', kernel, '-debugcon', 'stdio', '-device', 'isa-debug-exit',
                           *strict], capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
    assert (done.returncode, done.stdout) == (REPORTED, order), done.stderr
