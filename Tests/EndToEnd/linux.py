# SPDX-License-Identifier: Apache-2.0
"""Linux guests over their serial port: where their media are, and a shell that types commands and reads answers."""
import random
import re
import subprocess
import time

import vm

#: Host seconds for one step, such as a boot. Generous: a boot takes 3 s on the reference, and the host may be busy.
PATIENCE = 300
APPEND = 'console=ttyS0,115200 nokaslr'
ARCHITECTURES = ('amd64', 'i386')
#: What busybox's line editor asks the terminal, among the text.
CURSOR_QUERY = b'\x1b[6n'


def medium(architecture, name):
    return vm.image(f'linux/{architecture}/{name}')


def kernel_options(architecture, append=APPEND, initrd='initrd.gz'):
    return ('-kernel', medium(architecture, 'vmlinuz'), '-initrd', medium(architecture, initrd), '-append', append)


def wait_serial(machine, text, timeout=PATIENCE, start=0):
    """Serial.wait, with an error that tells an emulator that has ended from a guest that is silent."""
    try:
        return machine.serial.wait(text, timeout, start)
    except TimeoutError as error:
        if not machine.serial.closed:
            raise
        try:
            status = f'ended with status {machine.process.wait(5)}'
        except subprocess.TimeoutExpired:
            status = 'closed its serial port and goes on'
        raise RuntimeError(f'the emulator {status}, stderr {machine.stderr_text()!r}: {error}') from None


class Shell:
    """A shell at the other end of a machine's serial port. Everything before `offset` has been read."""

    def __init__(self, machine, prompt, timeout=PATIENCE):
        self.machine, self.serial, self.prompt, self.timeout, self.offset = machine, machine.serial, prompt, timeout, 0

    def wait(self, text, timeout=None):
        """Waits for a text after what has been read; returns what came before it."""
        begin = self.offset
        self.offset = wait_serial(self.machine, text, timeout or self.timeout, begin)
        before = bytes(self.serial.data[begin:self.offset - len(text.encode())]).replace(CURSOR_QUERY, b'')
        return before.decode(errors='replace').replace('\r\n', '\n')

    def send(self, line):
        self.serial.send(line.encode() + b'\n')

    def run(self, command, timeout=None):
        """Runs a command line; returns what it printed. A status other than 0 is an error.

        The end is marked by a number that the shell computes, so that the echo of what was typed cannot be taken for it.
        """
        self.wait_prompt()
        left, right = random.randrange(10 ** 6, 10 ** 7), random.randrange(10 ** 6, 10 ** 7)
        self.send(f'{command}; echo "<$?>$(({left}+{right}))"')
        text = self.wait(f'>{left + right}\n'.replace('\n', '\r\n'), timeout)
        match = re.match(r'.*?\)\)"\n(.*)<(\d+)$', text, re.S)
        if not match:
            raise ValueError(f'{command!r} was echoed or answered strangely: {text!r}')
        if match[2] != '0':
            raise ValueError(f'{command!r} ended with status {match[2]}: {match[1]!r}')
        return match[1]

    def wait_prompt(self):
        self.wait(self.prompt)

    def multiply(self):
        """Types a product of two random numbers and reads what the guest's processor makes of it."""
        left, right = random.randrange(10 ** 6, 10 ** 9), random.randrange(10 ** 6, 10 ** 9)
        answer = self.run(f'echo $(({left}*{right}))')
        assert answer == f'{left * right}\n'


class BusyboxShell(Shell):
    """The shell of our initramfs."""

    def __init__(self, machine, **options):
        super().__init__(machine, 'shell# ', **options)
        self.wait('initramfs: ready')


class DebianShell(Shell):
    """A login of root on Debian's serial console, then a plain sh: no colours and no line editor."""

    def __init__(self, machine, **options):
        super().__init__(machine, 'shell# ', **options)
        self.log_in()

    def log_in(self):
        """At the first start, and again after a reboot."""
        self.wait('debian login: ')
        self.send('root')
        self.wait('Password: ')
        self.send('apus')
        self.wait('root@debian:~# ')
        self.send("exec env PS1='shell''# ' sh")


def wait_exit(machine, timeout=PATIENCE):
    """Waits for the end of the process; a machine that stays is an error that shows its serial port."""
    deadline = time.monotonic() + timeout
    while machine.process.poll() is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f'the emulator goes on; the last on its serial port was {bytes(machine.serial.data[-500:])!r}')
        time.sleep(0.05)
    return machine.process.returncode
