# SPDX-License-Identifier: Apache-2.0
"""The human monitor: on a socket of its own, byte for byte as line readers expect it, and through QMP."""
import re
import time

import pytest
import vm

PROMPT = b'(qemu) '


class Terminal:
    """Reads to the prompt, as the NixOS test driver does."""

    def __init__(self, connection):
        self.connection = connection
        connection.settimeout(10)

    def read(self):
        data = b''
        while not data.endswith(PROMPT):
            more = self.connection.recv(65536)
            if not more:
                return data
            data += more
        return data

    def command(self, line):
        self.connection.sendall(line.encode() + b'\n')
        return self.read()


@pytest.fixture
def terminal(guest, tmp_path):
    machine = guest('idle', '-monitor', f'unix:{tmp_path}/hmp,server=on,wait=off', '-name', 'guest-one')
    made = Terminal(vm.connect_unix(f'{tmp_path}/hmp'))
    made.greeting, made.machine = made.read(), machine
    return made


def test_greeting_and_echo(terminal):
    assert re.fullmatch(rb"QEMU 7\.2\.\d+ monitor - type 'help' for more information\r\n\(qemu\) ", terminal.greeting)
    # each character is echoed as the whole line anew: text, erase to the end, cursor back over what was there
    echo, shown = b'', b''
    for character in b'info status':
        shown += bytes([character])
        echo += b'\x1b[D' * (len(shown) - 1) + shown + b'\x1b[K'
    assert terminal.command('info status') == echo + b'\r\nVM status: running\r\n(qemu) '


def test_unknown_command(terminal):
    assert terminal.command('bogus').endswith(b"\r\nunknown command: 'bogus'\r\n(qemu) ")


def test_a_screendump_is_complete_before_the_prompt(terminal, tmp_path):
    for number in range(20):
        terminal.command(f'screendump {tmp_path}/{number}.ppm')
        assert vm.Screen.read_ppm(tmp_path / f'{number}.ppm').width == 720


def test_stop_cont_and_quit(terminal):
    terminal.command('stop')
    assert b'VM status: paused\r\n' in terminal.command('info status')
    terminal.command('cont')
    assert b'VM status: running\r\n' in terminal.command('info status')
    assert terminal.machine.qmp.wait_event('STOP') and terminal.machine.qmp.wait_event('RESUME')
    assert not terminal.command('quit').endswith(PROMPT)
    assert terminal.machine.wait_exit() == 0


ANSWERS = [
    ('', r''),
    ('bogus', r"unknown command: 'bogus'\r\n"),
    ('info bogus', r"unknown command: 'info bogus'\r\n"),
    ('info status', r'VM status: running\r\n'),
    ('info version', r'7\.2\.\d+.*\r\n'),
    ('info name', r'guest-one\r\n'),
    ('info cpus', r'\* CPU #0: thread_id=\d+\r\n'),
    ('info chardev', r'(?s).*test-serial: filename=unix:.*'),
    ('info block', r'(?s)ide0-hd0.*ide1-cd0: \[not inserted\].*'),
    ('info pci', r'(?s)  Bus  0, device   0, function 0:\r\n    Host bridge: PCI device 8086:1237\r\n.*VGA controller.*'),
    ('info registers', r'(?s)\r\nCPU#0\r\n(EAX|RAX)=[0-9a-f]+.*CR0=[0-9a-f]{8}.*'),
    ('help', r'(?s).*info .*quit.*'),
    ('help screendump', r'(?s)screendump .*'),
    ('xp /4xb 0x7c00', r'0000000000007c00: 0xfa 0xfc 0x31 0xc0\r\n'),
    ('x /2xh 0x7dfe', r'0000000000007dfe: 0xaa55 0x[0-9a-f]{4}\r\n'),
    ('xp /2i 0x7c00', r'0x00007c00:  fa +cli +\r\n0x00007c01:  fc +cld +\r\n'),
    ('p 1+2', r'3\r\n'),
    ('p/x $eip', r'0x7[0-9a-f]{3}\r\n'),
    ('p/d (6 * 7 - 2) / 4 % 7', r'3\r\n'),
    ('xp', r'(?s).*Try "help xp" for more information\r\n'),
    ('screendump', r'(?s)screendump: filename expected\r\nTry "help screendump" for more information\r\n'),
    ('screendump /nonexistent/a', r"Error: failed to open file '/nonexistent/a': No such file or directory\r\n"),
    ('sendkey nosuch', r'invalid parameter: nosuch\r\n'),
    ('sendkey', r'sendkey: string expected\r\nTry "help sendkey" for more information\r\n'),
    ('sendkey a', r''),
    ('sendkey shift-b 10', r''),
    ('stop', r''),
    ('cont', r''),
    ('system_reset', r''),
]


def test_commands_through_qmp(guest):
    machine = guest('idle', '-name', 'guest-one')
    for line, answer in ANSWERS:
        shown = machine.qmp.hmp(line)
        assert re.fullmatch(answer, shown), (line, shown)


def test_memory_of_devices(guest):
    """Devices answer to their addresses, and nobody to others; a script reads the text screen so."""
    machine = guest('idle')
    machine.qmp.command('stop')
    # Cells of the firmware's own text: letters, and attributes between them.
    cells = re.findall(r"'(.)' '\\x07'", machine.qmp.hmp('xp /160cb 0xb8000'))
    assert 'SeaBIOS' in ''.join(cells)
    for command in ('x', 'xp'):
        assert machine.qmp.hmp(f'{command} /2xw 0xfed00000') == '00000000fed00000: 0x8086a201 0x00989680\r\n'
        assert machine.qmp.hmp(f'{command} /1xg 0xfed00000') == '00000000fed00000: 0x009896808086a201\r\n'
        assert machine.qmp.hmp(f'{command} /4xw 0xd0000000') == '00000000d0000000: Cannot access memory\r\n'
        # The last words of memory, and beyond.
        assert machine.qmp.hmp(f'{command} /4xw 0x1fffff8') == '0000000001fffff8: Cannot access memory\r\n'
    with pytest.raises(vm.QMPError, match='Invalid addr 0x00000000d0000000/size 8 specified'):
        machine.qmp.command('memsave', val=0xd0000000, size=8, filename='/dev/null')


def test_registers_follow_the_guest(guest):
    machine = guest('busy')
    machine.qmp.command('stop')
    first = machine.qmp.hmp('info registers')
    assert first == machine.qmp.hmp('info registers')
    machine.qmp.command('cont')
    time.sleep(0.2)
    machine.qmp.command('stop')
    second = machine.qmp.hmp('info registers')
    eax = [int(re.search(r'EAX=([0-9a-f]+)', text)[1], 16) for text in (first, second)]
    assert eax[1] > eax[0]
    assert int.from_bytes(machine.memory(0x500, 4), 'little') in (eax[1], eax[1] - 1)
