# SPDX-License-Identifier: Apache-2.0
"""The lockstep tracer: firmware and a small guest agree with QEMU step by step, and a difference is found."""
import os
import re
import shutil
import subprocess

import pytest
import vm

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MACHINE = ['-m', '16', '-nodefaults', '-vga', 'std']

pytestmark = [pytest.mark.apus, pytest.mark.skipif(not shutil.which('qemu-system-x86_64'), reason='needs qemu-system-x86_64')]


@pytest.fixture(scope='module')
def lockstep():
    program = os.path.join(ROOT, '.build', 'release', 'lockstep')

    def run(*arguments):
        return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=300)
    return run


def steps(ended):
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return int(re.match(r'agree: (\d+) instructions', ended.stdout)[1])


def test_firmware_from_reset(lockstep):
    assert steps(lockstep('--steps', 25000, '--', *MACHINE)) >= 25000


def test_a_guest_with_interrupts(lockstep):
    drive = f'file={vm.image("demo.img")},format=raw,snapshot=on'
    assert steps(lockstep('--skip-to', '0x7c00', '--steps', 6000, '--interrupts-every', 50, '--', *MACHINE, '-serial', 'null', '-drive', drive)) >= 6000


def test_a_changed_register_is_found(lockstep):
    ended = lockstep('--steps', 5000, '--perturb', 300, '--', *MACHINE)
    assert ended.returncode == 1
    assert re.match(r'difference after \d+ instructions:\n  r', ended.stdout)
    assert '\nagain: lockstep --steps 5000 --perturb 300 -- -m 16' in ended.stdout
