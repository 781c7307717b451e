# SPDX-License-Identifier: Apache-2.0
"""The screen figures of Tools/bench: from the start of the process to a text on the screen, `apus shot` beside QEMU, whose text memory
is read every 20 ms; and what a fork of a saved Linux costs with a command of its own."""
import os
import re
import statistics
import subprocess
import tempfile
import time

import vm

LINUX = ('-m', '512', '-kernel', 'linux/amd64/vmlinuz', '-initrd', 'linux/amd64/initrd.gz', '-append', 'console=tty0 quiet')
#: Options, names of media among them, and the steps: texts to wait for and keys to press.
SCREENS = {
    'firmware, nothing to boot': (('-nic', 'none'), ['No bootable device']),
    'GRUB, its command line': (('-cdrom', 'grub-cd.iso'), ['executed automatically', ('c',), 'grub>']),
    'isolinux, its prompt': (('-cdrom', 'isolinux.iso'), ['^boot:']),
    'memtest86+ at work': (('-kernel', 'linux/memtest.bin'), [r'Memtest86\+ v', r'Test +\d+%']),
    'Linux, a shell': (LINUX, ['^shell#']),
}
DEADLINE, GOAL, FORKS = 300, 1.5, 20


def media(options):
    return [vm.image(part) if os.path.exists(os.path.join(vm.IMAGES, part)) and '.' in part or part.endswith('vmlinuz') else part
            for part in options]


def shot(program, *arguments):
    begin = time.monotonic()
    subprocess.run([program, 'shot', *arguments], check=True, timeout=DEADLINE)
    return time.monotonic() - begin


def watched(program, options, steps):
    """Seconds until the last text of the steps is in the text memory of a machine that only QMP looks at."""
    begin = time.monotonic()
    with vm.Machine(['-accel', 'tcg', *options], program=program, serial=False, timeout=DEADLINE) as machine:
        path = machine.path('text')
        for step in steps:
            if isinstance(step, tuple):
                for key in step:
                    machine.press(key)
                continue
            while time.monotonic() - begin < DEADLINE:
                machine.qmp.command('pmemsave', val=0xb8000, size=4000, filename=path)
                with open(path, 'rb') as file:
                    memory = file.read()
                rows = [memory[row:row + 160:2].decode('cp437').rstrip() for row in range(0, 4000, 160)]
                if re.search(step, '\n'.join(rows), re.M):
                    break
                time.sleep(0.02)
        return time.monotonic() - begin


def forks(program):
    """Median milliseconds of 20 runs from one saved Linux, each with a command of its own and its answer."""
    with tempfile.TemporaryDirectory() as folder:
        saved = os.path.join(folder, 'saved')
        shot(program, *media(LINUX), '--until-text', '^shell#', '--save', saved)
        return statistics.median(
            shot(program, '--from', saved, '--type', f'echo $((7*{number}))\\n', '--until-text', f'^{7 * number}$')
            for number in range(1, FORKS + 1)) * 1000


def figures(ours, reference, rounds):
    for name, (options, steps) in SCREENS.items():
        arguments = [part for step in steps for part in (('--type', *step) if isinstance(step, tuple) else ('--until-text', step))]
        mine = min(shot(ours, *media(options), *arguments) for _ in range(rounds))
        theirs = min(watched(reference, media(options), steps) for _ in range(rounds))
        yield name, mine, theirs, 's', f'ratio ≤ {GOAL}', mine / theirs > GOAL
    cost = forks(ours)
    yield f'a fork of a saved Linux with a command, median of {FORKS}', cost, None, 'ms', '< 150 ms', cost >= 150
