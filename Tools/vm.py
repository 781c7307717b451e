# SPDX-License-Identifier: Apache-2.0
"""Drives one emulator process: QMP, serial port, screen. Standard library only.

Shared by Tools/run-demo, Tools/bench and the end-to-end tests. The emulator is any program with QEMU's command line; the
environment variable EMULATOR names another one than the release build of this checkout.
"""
import array
import json
import os
import select
import shutil
import socket
import subprocess
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
IMAGES = os.path.join(ROOT, 'images', 'out')
REFERENCE = 'qemu-system-x86_64'


def emulator():
    """The program under test."""
    return os.environ.get('EMULATOR') or os.path.join(ROOT, '.build', 'release', 'apus')


def image(name):
    """Path of a medium that `make images` built."""
    path = os.path.join(IMAGES, name)
    if not os.path.exists(path):
        raise FileNotFoundError(f'{path} is missing: run `make images`')
    return path


class QMPError(Exception):
    """An error reply; `error_class` and `description` are the two members of its body."""

    def __init__(self, body):
        super().__init__(f'{body.get("class")}: {body.get("desc")}')
        self.error_class, self.description = body.get('class'), body.get('desc')


class QMP:
    """A QMP connection that keeps greeting, replies and events apart. Not for several threads."""

    def __init__(self, connection, timeout=30, negotiate=True):
        self.connection, self.timeout = connection, timeout
        self.buffer, self.events = b'', []
        self.greeting = self.read_message()['QMP']
        if negotiate:
            self.command('qmp_capabilities')

    @classmethod
    def connect(cls, path, timeout=30, **options):
        """Connects to a unix socket that appears within the time."""
        return cls(connect_unix(path, timeout), timeout, **options)

    def read_line(self, timeout=None):
        """One line with its end; raises TimeoutError, or EOFError when the peer has closed."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while b'\n' not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.connection], [], [], left)[0]:
                raise TimeoutError(f'no QMP line within the time; so far {self.buffer[:200]!r}')
            try:
                data = self.connection.recv(65536)
            except ConnectionResetError:
                data = b''
            if not data:
                raise EOFError('the emulator closed the QMP connection')
            self.buffer += data
        line, self.buffer = self.buffer.split(b'\n', 1)
        return line + b'\n'

    def read_message(self, timeout=None):
        return json.loads(self.read_line(timeout))

    def send(self, data):
        self.connection.sendall(data if isinstance(data, bytes) else json.dumps(data).encode())

    def reply(self, timeout=None):
        """The next message that is no event; events are kept."""
        while True:
            message = self.read_message(timeout)
            if 'event' in message:
                self.events.append(message)
            else:
                return message

    def command(self, name, timeout=None, **arguments):
        """Executes and returns the result; argument names may use _ for -."""
        request = {'execute': name}
        if arguments:
            request['arguments'] = {key.replace('_', '-'): value for key, value in arguments.items()}
        self.send(request)
        message = self.reply(timeout)
        if 'error' in message:
            raise QMPError(message['error'])
        return message['return']

    def pass_descriptor(self, name, descriptor):
        """Sends a descriptor along with `getfd`."""
        request = json.dumps({'execute': 'getfd', 'arguments': {'fdname': name}}).encode()
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [descriptor]))
        self.connection.sendmsg([request], [rights])
        message = self.reply()
        if 'error' in message:
            raise QMPError(message['error'])

    def hmp(self, line):
        return self.command('human-monitor-command', command_line=line)

    def wait_event(self, name, timeout=None):
        """The first kept or coming event of that name, which is taken out of the list."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            for event in self.events:
                if event['event'] == name:
                    self.events.remove(event)
                    return event
            message = self.read_message(max(deadline - time.monotonic(), 0))
            if 'event' not in message:
                raise ValueError(f'an unexpected reply while waiting for {name}: {message}')
            self.events.append(message)

    def close(self):
        self.connection.close()


def connect_unix(path, timeout=30):
    deadline = time.monotonic() + timeout
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(path)
            return connection
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            if time.monotonic() > deadline:
                raise TimeoutError(f'nothing listens on {path}') from None
            time.sleep(0.01)


class Serial:
    """Collects what arrives on a socket; `wait` blocks for a text."""

    def __init__(self, connection):
        self.connection, self.data, self.closed = connection, bytearray(), False
        self.changed = threading.Condition()
        threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self):
        while True:
            try:
                data = self.connection.recv(65536)
            except OSError:
                data = b''
            with self.changed:
                if data:
                    self.data += data
                else:
                    self.closed = True
                self.changed.notify_all()
            if not data:
                return

    def wait(self, text, timeout=30, start=0):
        """Waits for `text` at or after offset `start`; returns the offset behind it."""
        text = text.encode() if isinstance(text, str) else text
        deadline = time.monotonic() + timeout
        with self.changed:
            while True:
                at = self.data.find(text, start)
                if at >= 0:
                    return at + len(text)
                left = deadline - time.monotonic()
                if left <= 0 or self.closed:
                    raise TimeoutError(f'{text!r} never arrived on the serial port; the last was {bytes(self.data[-300:])!r}')
                self.changed.wait(left)

    def send(self, data):
        self.connection.sendall(data)

    def close(self):
        try:
            self.connection.shutdown(socket.SHUT_RDWR)  # close alone would leave the collector waiting, and the peer connected
        except OSError:
            pass
        self.connection.close()


class Screen:
    """A picture as width, height and RGB bytes."""

    def __init__(self, width, height, pixels):
        self.width, self.height, self.pixels = width, height, pixels

    def __eq__(self, other):
        return (self.width, self.height, self.pixels) == (other.width, other.height, other.pixels)

    def __hash__(self):
        return hash((self.width, self.height, self.pixels))

    def __repr__(self):
        return f'<{self.width}x{self.height} screen {hash(self.pixels) & 0xffffffff:08x}>'

    @classmethod
    def read_ppm(cls, path):
        with open(path, 'rb') as file:
            data = file.read()
        fields = data.split(b'\n', 3)
        if fields[0] != b'P6' or fields[2] != b'255':
            raise ValueError(f'{path} is no P6 picture: {data[:32]!r}')
        width, height = map(int, fields[1].split())
        if len(fields[3]) != width * height * 3:
            raise ValueError(f'{path} holds {len(fields[3])} bytes of pixels for {width}x{height}')
        return cls(width, height, fields[3])

    def write_ppm(self, path):
        with open(path, 'wb') as file:
            file.write(b'P6\n%d %d\n255\n' % (self.width, self.height) + self.pixels)

    def difference(self, other):
        """A sentence about how two screens differ."""
        if (self.width, self.height) != (other.width, other.height):
            return f'{self.width}x{self.height} against {other.width}x{other.height}'
        rows, columns, count = set(), set(), 0
        for at in range(0, len(self.pixels), 3):
            if self.pixels[at:at + 3] != other.pixels[at:at + 3]:
                y, x = divmod(at // 3, self.width)
                rows.add(y), columns.add(x)
                count += 1
        if not count:
            return 'equal'
        return f'{count} pixels differ, x {min(columns)}…{max(columns)}, y {min(rows)}…{max(rows)}'


PLAIN = {' ': 'spc', '\n': 'ret', '-': 'minus', '=': 'equal', '[': 'bracket_left', ']': 'bracket_right', ';': 'semicolon',
         "'": 'apostrophe', '`': 'grave_accent', '\\': 'backslash', ',': 'comma', '.': 'dot', '/': 'slash', '\t': 'tab'}
SHIFTED = dict(zip('!@#$%^&*()', '1234567890')) | {
    '_': 'minus', '+': 'equal', '{': 'bracket_left', '}': 'bracket_right', ':': 'semicolon', '"': 'apostrophe',
    '~': 'grave_accent', '|': 'backslash', '<': 'comma', '>': 'dot', '?': 'slash'}


def key_names(character):
    """The QKeyCode names that type a character on a US keyboard."""
    if character in SHIFTED:
        return ['shift', SHIFTED[character]]
    if character.isupper():
        return ['shift', character.lower()]
    return [PLAIN.get(character, character)]


class Machine:
    """One emulator process with a QMP connection and, unless serial=False, a serial port on a socket.

    The emulator dials out to both sockets, so that nothing has to be polled. stdout and stderr go to files in `directory`.
    """

    def __init__(self, arguments=(), program=None, serial=True, qmp=True, timeout=30, defaults=True, environment=None):
        self.directory = tempfile.mkdtemp(prefix='apus-')
        self.timeout, self.serial, self.qmp, self.process = timeout, None, None, None
        self.program = program or emulator()
        listeners = []
        command = [self.program]
        if defaults:
            command += ['-nic', 'none', '-display', 'none']
        command += [str(a) for a in arguments]
        if serial:
            listeners.append(self._listen('serial'))
            command += ['-chardev', f'socket,id=test-serial,path={self.path("serial")}', '-serial', 'chardev:test-serial']
        if qmp:
            listeners.append(self._listen('qmp'))
            command += ['-qmp', f'unix:{self.path("qmp")}']
        self.command_line = command
        self.out, self.err = open(self.path('stdout'), 'w+b'), open(self.path('stderr'), 'w+b')
        try:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.err, env=environment)
            connections = [self._accept(listener) for listener in listeners]
            if serial:
                self.serial = Serial(connections.pop(0))
            if qmp:
                self.qmp = QMP(connections.pop(0), timeout)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def path(self, name):
        return os.path.join(self.directory, name)

    def _listen(self, name):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path(name))
        listener.listen(1)
        return listener

    def _accept(self, listener):
        deadline = time.monotonic() + self.timeout
        with listener:
            while not select.select([listener], [], [], 0.05)[0]:
                if self.process.poll() is not None:
                    raise RuntimeError(f'the emulator ended with status {self.process.returncode}: {self.stderr_text()}')
                if time.monotonic() > deadline:
                    raise TimeoutError('the emulator did not connect')
            return listener.accept()[0]

    def stdout_text(self):
        with open(self.path('stdout'), 'rb') as file:
            return file.read().decode(errors='replace')

    def stderr_text(self):
        with open(self.path('stderr'), 'rb') as file:
            return file.read().decode(errors='replace')

    def screen(self):
        path = self.path('screen.ppm')
        self.qmp.command('screendump', filename=path)
        return Screen.read_ppm(path)

    def settled_screens(self, quiet=0.8, timeout=None, minimum=0.0):
        """The one or two pictures (two cursor phases) that the screen keeps showing once nothing else changes."""
        start = time.monotonic()
        deadline = start + (self.timeout if timeout is None else timeout)
        recent = []
        while time.monotonic() < deadline:
            now = time.monotonic()
            recent.append((now, self.screen()))
            while recent and now - recent[0][0] > quiet:
                recent.pop(0)
            shown = {screen for _, screen in recent}
            if now - recent[0][0] > quiet * 0.9 and len(shown) <= 2 and now - start >= minimum:
                return shown
            time.sleep(0.04)
        raise TimeoutError('the screen never came to rest')

    def wait_for_screen(self, wanted, timeout=None):
        """Waits until the screen is one of `wanted`; returns it."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            shown = self.screen()
            if shown in wanted:
                return shown
            if time.monotonic() > deadline:
                kept = os.path.join(os.environ.get('APUS_KEEP', tempfile.gettempdir()), f'apus-screen-{os.getpid()}')
                shown.write_ppm(kept + '-shown.ppm')
                for number, screen in enumerate(wanted):
                    screen.write_ppm(f'{kept}-wanted-{number}.ppm')
                text = '; '.join(shown.difference(screen) for screen in wanted)
                raise TimeoutError(f'the screen stays different ({text}); pictures in {kept}-*.ppm')
            time.sleep(0.05)

    def press(self, *names, hold=20):
        keys = [{'type': 'qcode', 'data': name} for name in names]
        self.qmp.command('send-key', keys=keys, hold_time=hold)

    def type(self, text, pause=0.03):
        for character in text:
            self.press(*key_names(character))
            time.sleep(pause)

    def memory(self, address, size):
        """Bytes of guest physical memory."""
        path = self.path('memory')
        self.qmp.command('pmemsave', val=address, size=size, filename=path)
        with open(path, 'rb') as file:
            return file.read()

    def resident_bytes(self):
        with open(f'/proc/{self.process.pid}/statm') as file:
            return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')

    def cpu_seconds(self):
        with open(f'/proc/{self.process.pid}/stat') as file:
            fields = file.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def wait_exit(self, timeout=None):
        return self.process.wait(self.timeout if timeout is None else timeout)

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.qmp is not None:
            self.qmp.close()
        if self.serial is not None:
            self.serial.close()
        self.out.close(), self.err.close()
        shutil.rmtree(self.directory, ignore_errors=True)
