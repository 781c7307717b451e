#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records what QEMU's standard VGA answers and shows, as transcripts that GraphicsDevicesTests replays.

    Tests/Reference/record_vga.py > Tests/GraphicsDevicesTests/ReferenceTranscripts.swift

No guest code runs: registers are driven over the qtest socket, and pictures taken by screendump. A transcript has one
operation per line, numbers in hexadecimal:

    mode N            registers of a BIOS mode (table below) and a test palette
    o1|o2 PORT V      port output            i1|i2 PORT V      port input and what it must give
    w1|w2|w4 ADDR V   memory write           r1|r2|r4 ADDR V   memory read and what it must give
    x PORT            port input for its side effect
    fill ADDR N SEED  N bytes of the generator below
    shot W H CRC      the picture: size and CRC-32 of its RGB bytes, cursor shown
"""
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import zlib

FRAME_BUFFER, REGISTERS = 0xe0000000, 0xf0000000

# Sequencer 0...4, graphics controller 0...8, CRT controller 0...18h, attribute controller 0...14h, miscellaneous output:
# what the BIOS programs for each mode.
MODES = json.loads('''{
 "0": {"misc": 103, "sr": "0308030002", "gr": "0000000000100e0fff", "cr": "2d2728902ba0bf1f004f0d0e000000009c8e8f141f96b9a3ff", "ar": "000102030405140738393a3b3c3d3e3f0c000f0800"},
 "1": {"misc": 103, "sr": "0308030002", "gr": "0000000000100e0fff", "cr": "2d2728902ba0bf1f004f0d0e000000009c8e8f141f96b9a3ff", "ar": "000102030405140738393a3b3c3d3e3f0c000f0800"},
 "3": {"misc": 103, "sr": "0300030002", "gr": "0000000000100e0fff", "cr": "5f4f50825581bf1f004f0d0e000000009c8e8f281f96b9a3ff", "ar": "000102030405140738393a3b3c3d3e3f0c000f0800"},
 "4": {"misc": 99, "sr": "0309030002", "gr": "0000000000300f0fff", "cr": "2d2728902b80bf1f00c10000000000009c8e8f140096b9a2ff", "ar": "001315170204060710111213141516170100030000"},
 "6": {"misc": 99, "sr": "0301010006", "gr": "0000000000000d0fff", "cr": "5f4f50825480bf1f00c10000000000009c8e8f280096b9c2ff", "ar": "001717171717171717171717171717170100010000"},
 "7": {"misc": 102, "sr": "0300030002", "gr": "0000000000100a0fff", "cr": "5f4f50825581bf1f004f0d0e000000a09c8e8f281f96b9a3ff", "ar": "200808080808080810181818181818180e000f0800"},
 "d": {"misc": 99, "sr": "03090f0006", "gr": "000000000000050fff", "cr": "2d2728902b80bf1f00c00000000000009c8e8f140096b9e3ff", "ar": "0001020304050607101112131415161701000f0000"},
 "e": {"misc": 99, "sr": "03010f0006", "gr": "000000000000050fff", "cr": "5f4f50825480bf1f00c00000000000009c8e8f280096b9e3ff", "ar": "0001020304050607101112131415161701000f0000"},
 "f": {"misc": 163, "sr": "03010f0006", "gr": "000000000000050fff", "cr": "5f4f50825480bf1f004000000000000083855d280f63bae3ff", "ar": "000800001818000000080000001800000100010000"},
 "10": {"misc": 163, "sr": "03010f0006", "gr": "000000000000050fff", "cr": "5f4f50825480bf1f004000000000000083855d280f63bae3ff", "ar": "000102030405140738393a3b3c3d3e3f01000f0000"},
 "11": {"misc": 227, "sr": "03010f0006", "gr": "000000000000050fff", "cr": "5f4f508254800b3e0040000000000000ea8cdf2800e704e3ff", "ar": "003f003f003f003f003f003f003f003f01000f0000"},
 "12": {"misc": 227, "sr": "03010f0006", "gr": "000000000000050fff", "cr": "5f4f508254800b3e0040000000000000ea8cdf2800e704e3ff", "ar": "000102030405140738393a3b3c3d3e3f01000f0000"},
 "13": {"misc": 99, "sr": "03010f000e", "gr": "000000000040050fff", "cr": "5f4f50825480bf1f00410000000000009c8e8f284096b9a3ff", "ar": "000102030405060708090a0b0c0d0e0f41000f0000"}
}''')


def pattern(count, seed):
    """The bytes that `fill` writes: the upper bytes of a linear congruential generator."""
    state, result = seed, bytearray()
    for _ in range(count):
        state = (state * 1664525 + 1013904223) & 0xffffffff
        result.append(state >> 24)
    return bytes(result)


class Recorder:
    """One QEMU and the transcript of what was done to it."""

    def __init__(self):
        self.directory = tempfile.mkdtemp()
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.directory + '/qtest')
        listener.listen(1)
        listener.settimeout(10)
        self.process = subprocess.Popen(
            ['qemu-system-x86_64', '-S', '-display', 'none', '-nodefaults', '-device', 'VGA,addr=2', '-qtest',
             f'unix:{self.directory}/qtest', '-qtest-log', 'none', '-qmp', f'unix:{self.directory}/qmp,server=on,wait=off'])
        self.qtest = listener.accept()[0].makefile('rw')
        monitor = socket.socket(socket.AF_UNIX)
        monitor.settimeout(20)
        monitor.connect(self.directory + '/qmp')
        self.monitor = monitor.makefile('rw')
        self.monitor.readline()
        self.qmp('qmp_capabilities')
        self.lines = []
        for register, value in ((0x10, FRAME_BUFFER), (0x18, REGISTERS), (0x04, 3)):
            self.command('outl', 0xcf8, 0x80000000 | 2 << 11 | register)
            self.command('outl', 0xcfc, value)

    def close(self):
        self.process.kill()
        self.process.wait()

    def qmp(self, name, **arguments):
        self.monitor.write(json.dumps({'execute': name, 'arguments': arguments}))
        self.monitor.flush()
        while True:
            reply = json.loads(self.monitor.readline())
            if 'return' in reply:
                return reply['return']
            if 'error' in reply:
                raise RuntimeError(reply)

    def command(self, name, *arguments):
        self.qtest.write(name + ''.join(f' {a:#x}' if isinstance(a, int) else f' {a}' for a in arguments) + '\n')
        self.qtest.flush()
        while True:
            reply = self.qtest.readline().split()
            if reply[:1] == ['OK']:
                return int(reply[1], 16) if len(reply) > 1 else None
            if reply[:1] != ['IRQ']:
                raise RuntimeError(reply)

    def note(self, name, *numbers):
        self.lines.append(name + ''.join(f' {n:x}' for n in numbers))

    def out(self, port, value, width=1, noted=True):
        self.command('out' + 'bwl'[width // 2], port, value)
        if noted:
            self.note(f'o{width}', port, value)

    def input(self, port, width=1):
        value = self.command('in' + 'bwl'[width // 2], port)
        self.note(f'i{width}', port, value)

    def peek(self, port):
        self.command('inb', port)
        self.note('x', port)

    def write(self, address, value, width=1):
        self.command('write' + 'bwl'[width // 2], address, value)
        self.note(f'w{width}', address, value)

    def read(self, address, width=1):
        value = self.command('read' + 'bwl'[width // 2], address)
        self.note(f'r{width}', address, value)

    def fill(self, address, count, seed):
        self.command('write', address, count, '0x' + pattern(count, seed).hex())
        self.note('fill', address, count, seed)

    def mode(self, number):
        registers = MODES[f'{number:x}']
        sequencer, graphics, crtc, attribute = (bytes.fromhex(registers[k]) for k in ('sr', 'gr', 'cr', 'ar'))
        self.out(0x3c2, registers['misc'], noted=False)
        base = 0x3d4 if registers['misc'] & 1 else 0x3b4
        self.command('inb', base + 6)
        for port, values in ((0x3c4, sequencer), (0x3ce, graphics), (base, b'\0' * 18), (base, crtc)):
            for index, value in enumerate(values):
                self.out(port, index | value << 8, 2, noted=False)
        for index, value in enumerate(attribute):
            self.out(0x3c0, index, noted=False)
            self.out(0x3c0, value, noted=False)
        self.out(0x3c0, 0x20, noted=False)
        self.out(0x3c8, 0, noted=False)
        for value in pattern(768, 77):
            self.out(0x3c9, value & 0x3f, noted=False)
        self.note('mode', number)

    def screen(self):
        path = self.directory + '/screen.ppm'
        self.qmp('screendump', filename=path)
        with open(path, 'rb') as file:
            _, size, _, pixels = file.read().split(b'\n', 3)
        width, height = map(int, size.split())
        stride = (3 * width + 3) & ~3  # this QEMU pads rows of odd sizes
        if len(pixels) != 3 * width * height:
            pixels = b''.join(pixels[y * stride:y * stride + 3 * width] for y in range(height))
        return width, height, pixels

    def shot(self):
        width, height, pixels = self.screen()
        self.note('shot', width, height, zlib.crc32(pixels))

    def shot_with_cursor(self, crtc=0x3d4):
        """The picture in the phase that shows the cursor: the one that differs from that without it."""
        self.command('outb', crtc, 0x0a)
        start = self.command('inb', crtc + 1)
        self.command('outb', crtc + 1, start | 0x20)
        hidden = self.screen()
        self.command('outb', crtc + 1, start)
        for _ in range(50):
            width, height, pixels = self.screen()
            if pixels != hidden[2]:
                self.note('shot', width, height, zlib.crc32(pixels))
                return
            self.process.poll()
            time.sleep(0.1)
        raise RuntimeError('the cursor never showed')

    def dispi(self, *pairs):
        for index, value in pairs:
            self.out(0x1ce, index, 2)
            self.out(0x1cf, value, 2)


def picture(mode, *changes, cursor=False, size=0x40000):
    """A mode with random memory; changes are (port, index, value)."""
    def run(recorder):
        recorder.mode(mode)
        if not cursor and mode in (0, 1, 3, 7):
            recorder.out(0x3b4 if mode == 7 else 0x3d4, 0x200a, 2)
        for port, index, value in changes:
            if port == 0x3c0:
                recorder.peek(0x3da)
                recorder.out(0x3c0, index)
                recorder.out(0x3c0, value)
                recorder.out(0x3c0, 0x20)
            else:
                recorder.out(port, index | value << 8, 2)
        recorder.fill(FRAME_BUFFER, size, mode + 1)
        if cursor:
            recorder.shot_with_cursor()
        else:
            recorder.shot()
    return run


def linear(width, height, depth, *more, enable=0x41):
    def run(recorder):
        recorder.mode(0x13)
        recorder.dispi((4, 0), (1, width), (2, height), (3, depth), (4, enable), *more)
        for index in range(11):
            recorder.out(0x1ce, index, 2)
            recorder.input(0x1cf, 2)
        recorder.fill(FRAME_BUFFER, 0x80000, depth)
        recorder.shot()
    return run


def planes(recorder):
    """Every write mode, function, mask and read mode on a few bytes of mode 12h."""
    choose = random.Random(12)
    recorder.mode(0x12)
    recorder.fill(FRAME_BUFFER, 0x100, 3)
    recorder.read(0xa0000)
    for _ in range(100):
        kind = choose.random()
        if kind < 0.25:
            index = choose.choice([0, 1, 2, 3, 4, 7, 8])
            recorder.out(0x3ce, index | choose.randrange(256) << 8, 2)
        elif kind < 0.35:
            recorder.out(0x3ce, 5 | choose.choice([0, 1, 2, 3, 8, 9, 10, 11]) << 8, 2)
        elif kind < 0.45:
            recorder.out(0x3c4, 2 | choose.randrange(16) << 8, 2)
        address, width = 0xa0000 + 4 * choose.randrange(8), choose.choice([1, 1, 2, 4])
        if kind < 0.7:
            recorder.write(address, choose.randrange(256 ** width), width)
        else:
            recorder.read(address, width)
        if kind > 0.95:
            recorder.read(FRAME_BUFFER + 4 * choose.randrange(32), 4)


def windows(recorder):
    """Where text, CGA and chain-4 windows decode, and which bytes of the frame buffer they reach."""
    choose = random.Random(13)
    for mode in (3, 7, 4, 6, 0x0d, 0x13, 3):
        recorder.mode(mode)
        recorder.fill(FRAME_BUFFER, 0x100, mode)
        for _ in range(16):
            address = choose.choice([0xa0000, 0xb0000, 0xb8000]) + 4 * choose.randrange(8)
            width = choose.choice([1, 1, 2, 4])
            if choose.random() < 0.5:
                recorder.write(address, choose.randrange(256 ** width), width)
            else:
                recorder.read(address, width)
            recorder.read(FRAME_BUFFER + 4 * choose.randrange(24), 4)


def banks(recorder):
    """The window in a DISPI mode, moved by the bank register."""
    choose = random.Random(14)
    recorder.mode(0x13)
    recorder.dispi((4, 0), (1, 640), (2, 480), (3, 8), (4, 1))
    for _ in range(30):
        if choose.random() < 0.4:
            recorder.dispi((5, choose.choice([0, 1, 2, 255, 254, 300])))
        offset = 4 * choose.randrange(4)
        recorder.write(0xa0000 + offset, choose.randrange(1 << 32), 4)
        recorder.read(0xa0000 + 4 * choose.randrange(4), 4)
        recorder.read(FRAME_BUFFER + choose.choice([0, 0x10000, 0xff0000]) + offset, 4)


def dispi_registers(recorder):
    """DISPI registers: what is accepted, how it is brought into range, and the VGA registers that follow."""
    choose = random.Random(15)
    recorder.mode(0x13)
    for _ in range(16):
        index = choose.randrange(12)
        value = choose.choice([choose.randrange(65536), choose.randrange(2048), 0xb0c0 + choose.randrange(8)])
        if index == 4:
            value = choose.choice([0, 1, 0x41, 0x40, 0x61, 3, 0xe1, 2, 0x81])
        if index == 3:
            value = choose.choice([4, 8, 15, 16, 24, 32, 0, 33])
        recorder.dispi((index, value))
        for other in range(11):
            recorder.out(0x1ce, other, 2)
            recorder.input(0x1cf, 2)
        for port, register in ((0x3d4, 1), (0x3d4, 7), (0x3d4, 0x12), (0x3d4, 0x13), (0x3ce, 5), (0x3ce, 6)):
            recorder.out(port, register)
            recorder.input(port + 1)


def ports(recorder):
    """Legacy ports at random: masks, write protection, the flip-flop, the palette's indices, mono and colour."""
    choose = random.Random(16)
    for port in range(0x3b0, 0x3e0):
        if port not in (0x3ba, 0x3c6, 0x3c9, 0x3da):
            recorder.input(port)
    known = [0x3c0, 0x3c0, 0x3c1, 0x3c2, 0x3c4, 0x3c5, 0x3c7, 0x3c8, 0x3c9, 0x3ca, 0x3cc, 0x3ce, 0x3cf, 0x3b4, 0x3b5,
             0x3d4, 0x3d5]
    for _ in range(160):
        port = choose.choice(known)
        if choose.random() < 0.5:
            recorder.out(port, choose.randrange(256))
        else:
            recorder.input(port)


def register_window(recorder):
    """BAR 2: EDID, ports and DISPI registers."""
    for address in range(0, 0x180, 4):
        recorder.read(REGISTERS + address, 4)
    recorder.write(REGISTERS + 0x402, 1)
    recorder.write(REGISTERS + 0x404, 0x0302, 2)
    recorder.read(REGISTERS + 0x404)
    recorder.read(REGISTERS + 0x405)
    recorder.input(0x3c5)
    for index, value in ((1, 800), (2, 600), (3, 16), (4, 0x41)):
        recorder.write(REGISTERS + 0x500 + 2 * index, value, 2)
    for index in range(11):
        recorder.read(REGISTERS + 0x500 + 2 * index, 2)
    for address in (0x3fc, 0x420, 0x520, 0x600, 0x604, 0x608, 0xffc):
        recorder.read(REGISTERS + address, 4)


CASES = {
    'before any programming': lambda recorder: recorder.shot(),
    'mode 0': picture(0),
    'mode 1': picture(1),
    'mode 3': picture(3),
    'mode 7': picture(7),
    'mode 3, cursor': picture(3, (0x3d4, 0x0e, 1), (0x3d4, 0x0f, 0x23), (0x3d4, 0x0a, 3), (0x3d4, 0x0b, 0x1f), cursor=True),
    'mode 1, cursor': picture(1, (0x3d4, 0x0e, 0), (0x3d4, 0x0f, 0x77), cursor=True),
    'mode 3, eight dots': picture(3, (0x3c4, 1, 1)),
    'mode 3, fonts 0 and 5': picture(3, (0x3c4, 3, 0x24)),
    'mode 3, fonts 3 and 6': picture(3, (0x3c4, 3, 0x3d)),
    'mode 3, no line graphics': picture(3, (0x3c0, 0x10, 0x08)),
    'mode 3, scrolled': picture(3, (0x3d4, 0x0c, 0x12), (0x3d4, 0x0d, 0x34)),
    'mode 3, wide rows': picture(3, (0x3d4, 0x13, 0x35)),
    'mode 3, split': picture(3, (0x3d4, 0x0d, 0x99), (0x3d4, 0x07, 0x0f), (0x3d4, 0x18, 0x9f), (0x3d4, 0x11, 0x0e),
                             (0x3d4, 0x07, 0x0f)),
    'mode 3, 50 rows': picture(3, (0x3d4, 0x09, 0x47)),
    'mode 3, 160x100': picture(1, (0x3d4, 0x11, 0x0e), (0x3d4, 0x06, 0x64), (0x3d4, 0x09, 0x01), (0x3d4, 0x01, 0x4f)),
    'mode 3, colour select': picture(3, (0x3c0, 0x10, 0x8c), (0x3c0, 0x14, 0x05)),
    'mode 4': picture(4),
    'mode 6': picture(6),
    'mode 0Dh': picture(0x0d),
    'mode 0Eh': picture(0x0e),
    'mode 0Fh': picture(0x0f),
    'mode 10h': picture(0x10),
    'mode 11h': picture(0x11),
    'mode 12h': picture(0x12),
    'mode 13h': picture(0x13),
    'mode 12h, split': picture(0x12, (0x3d4, 0x0c, 0x08), (0x3d4, 0x18, 0x40), (0x3d4, 0x11, 0x0c), (0x3d4, 0x07, 0x2e)),
    'mode 12h, three planes': picture(0x12, (0x3c0, 0x12, 0x0b)),
    'mode 12h, sixteen of 256 colours': picture(0x12, (0x3c0, 0x10, 0x81), (0x3c0, 0x14, 0x0a)),
    'mode 12h, four rows of each': picture(0x12, (0x3d4, 0x09, 0x43)),
    'mode 12h, Hercules rows': picture(0x12, (0x3d4, 0x17, 0xe0)),
    'mode 13h unchained': picture(0x13, (0x3c4, 4, 6), (0x3d4, 0x14, 0), (0x3d4, 0x17, 0xe3), (0x3d4, 0x0c, 0x1f)),
    'linear 4': linear(640, 480, 4),
    'linear 8': linear(640, 480, 8),
    'linear 8, eight-bit palette': linear(320, 200, 8, enable=0x61),
    'linear 15': linear(320, 200, 15),
    'linear 16': linear(640, 400, 16),
    'linear 24': linear(320, 240, 24),
    'linear 32': linear(400, 300, 32),
    'linear 16, panned': linear(320, 200, 16, (6, 400), (8, 13), (9, 57)),
    'linear 24, panned': linear(320, 200, 24, (6, 360), (8, 3), (9, 7)),
    'linear 8, too tall': linear(1600, 1200, 8, (6, 16000), (9, 900)),
    'planes': planes,
    'windows': windows,
    'banks': banks,
    'DISPI registers': dispi_registers,
    'ports': ports,
    'register window': register_window,
}


def main():
    print('// SPDX-License-Identifier: Apache-2.0')
    print('// Recorded from QEMU by Tests/Reference/record_vga.py; do not edit.')
    print()
    print('enum Reference {')
    print('  /// Sequencer, graphics, CRT and attribute controller, miscellaneous output, by mode.')
    print('  static let modes: [UInt64: [String]] = [')
    for number, registers in MODES.items():
        values = [registers['sr'], registers['gr'], registers['cr'], registers['ar'], f'{registers["misc"]:02x}']
        print(f'    0x{number}: [')
        for value in values:
            print(f'      "{value}",')
        print('    ],')
    print('  ]')
    print()
    print('  static let transcripts: [(name: String, lines: String)] = [')
    for name, run in CASES.items():
        recorder = Recorder()
        try:
            run(recorder)
        finally:
            recorder.close()
        print('    (')
        print(f'      "{name}",')
        print('      """')
        row = ''
        for line in recorder.lines:  # several operations to a line, to keep the file short
            if row and len(row) + len(line) > 111:
                print('      ' + row)
                row = ''
            row += ('; ' if row else '') + line
        if row:
            print('      ' + row)
        print('      """')
        print('    ),')
        print(name, file=sys.stderr)
    print('  ]')
    print('}')


if __name__ == '__main__':
    os.environ.setdefault('LC_ALL', 'C')
    main()
