# SPDX-License-Identifier: Apache-2.0
"""End-to-end tests: the shipped binary, driven from outside as its users drive it.

EMULATOR=qemu-system-x86_64 runs the same tests against the reference, which is how a test is shown to be right.
"""
import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'Tools'))
import vm  # noqa: E402


def pytest_collection_modifyitems(items):
    if is_reference():
        for item in items:
            if item.get_closest_marker('apus'):
                item.add_marker(pytest.mark.skip(reason='not what the reference does'))


def is_reference():
    return os.path.basename(vm.emulator()) != 'apus'


@pytest.fixture
def reference():
    """True while the tests run against the reference emulator."""
    return is_reference()


@pytest.fixture
def prefix():
    """How the emulator's own messages begin."""
    return os.path.basename(vm.emulator()) + ':'


@pytest.fixture
def start():
    """Starts machines that end with the test."""
    machines = []

    def run(*arguments, **options):
        machines.append(vm.Machine(arguments, **options))
        return machines[-1]
    yield run
    for machine in machines:
        machine.close()


@pytest.fixture
def guest(start):
    """Starts one of the small test guests and waits until it runs."""
    def run(name, *arguments, **options):
        machine = start('-m', '32', '-drive', f'file={vm.image(name + ".img")},format=raw,snapshot=on', *arguments, **options)
        if machine.serial is not None and '-S' not in arguments:
            machine.serial.wait(f'GUEST {name}\r\n')
        return machine
    return run


@pytest.fixture
def run():
    """Runs the emulator to its end: its status, stdout and stderr."""
    def ended(*arguments, timeout=20, stdin=b'', environment=None):
        return subprocess.run([vm.emulator(), *map(str, arguments)], input=stdin, capture_output=True, timeout=timeout,
                              env=environment)
    return ended
