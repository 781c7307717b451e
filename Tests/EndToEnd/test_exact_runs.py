# SPDX-License-Identifier: Apache-2.0
"""A machine saved at any instruction and loaded by another process goes on as if nothing had happened.

The program is Tests/ExactRun: it runs to an exact instruction count and prints checksums of memory and of every state part.
"""
import os
import random
import subprocess

import pytest
import vm

pytestmark = pytest.mark.apus

COUNTING = ('-icount', 'shift=6,sleep=off', '-rtc', 'base=2026-01-01T00:00:00,clock=vm', '-nic', 'none', '-display', 'none')
#: GRUB to its menu, whose only entry halts the machine after a second.
GRUB = (*COUNTING, '-m', '64', '-cdrom', vm.image('grub-halt.iso'))
POINTS = 20
END = 10 ** 12


def exact_run(count, *settings, options=GRUB, serial='null'):
    """The summary line at `count`, or at the end if the guest ends before."""
    program = os.environ.get('EXACT_RUN') or os.path.join(os.path.dirname(vm.emulator()), 'exact-run')
    done = subprocess.run([program, str(count), *map(str, settings), '--', *options, '-serial', serial], capture_output=True, text=True,
                          timeout=300)
    assert (done.returncode, done.stderr) == (0, '')
    return done.stdout


def fields(summary):
    return dict(word.split('=') for word in summary.split())


@pytest.fixture(scope='module')
def whole():
    """The run that never stops."""
    return exact_run(END)


@pytest.fixture(scope='module')
def counts(whole):
    length = int(fields(whole)['count'])
    assert length > 10 ** 7 and fields(whole)['status'] == '0'
    source = random.SystemRandom()
    return sorted(source.randrange(1, length) for _ in range(POINTS))


def test_two_processes_run_alike(whole):
    assert exact_run(END) == whole


def test_saved_at_random_counts_and_loaded_in_another_process(whole, counts, tmp_path):
    for count in counts:
        saved = exact_run(count, f'save={tmp_path}/image')
        assert int(fields(saved)['count']) == count
        assert exact_run(END, f'load={tmp_path}/image') == whole, f'saved at {count}'


def test_loading_changes_nothing(counts, tmp_path):
    count = counts[POINTS // 2]
    saved = exact_run(count, f'save={tmp_path}/image')
    assert exact_run(count, f'load={tmp_path}/image', f'save={tmp_path}/again') == saved
    assert (tmp_path / 'image').read_bytes() == (tmp_path / 'again').read_bytes()


def test_saved_every_so_often_in_one_long_chain(whole, counts, tmp_path):
    settings = ()
    for count in counts:
        exact_run(count, *settings, f'save={tmp_path}/image')
        settings = (f'load={tmp_path}/image',)
    assert exact_run(END, *settings) == whole


def test_block_shapes_do_not_matter(whole, counts, tmp_path):
    assert exact_run(END, 'one-op-blocks') == whole
    exact_run(counts[0], 'one-op-blocks', f'save={tmp_path}/image')
    assert exact_run(END, f'load={tmp_path}/image') == whole
    exact_run(counts[-1], f'save={tmp_path}/image')
    assert exact_run(END, 'one-op-blocks', f'load={tmp_path}/image') == whole


@pytest.mark.parametrize('settings', [
    ('without=links',), ('without=jump-table',), ('without=fusion',), ('without=dead-flags',), ('without=flat-handlers',),
    ('without=fast-memory',), ('without=host-code',),
    ('without=links,jump-table,fusion,dead-flags,flat-handlers,fast-memory,host-code',), ('block-limit=5',),
    ('flush=1',), ('flush=2', 'delay-disk=3'),
], ids=' '.join)
def test_nothing_that_the_engine_does_shows(whole, settings):
    assert exact_run(END, *settings) == whole


def test_the_serial_output_is_the_sum_of_its_parts(counts, tmp_path):
    exact_run(END, serial=f'file:{tmp_path}/whole')
    exact_run(counts[10], f'save={tmp_path}/image', serial=f'file:{tmp_path}/first')
    exact_run(END, f'load={tmp_path}/image', serial=f'file:{tmp_path}/second')
    parts = [(tmp_path / name).read_bytes() for name in ('first', 'second', 'whole')]
    assert parts[0] + parts[1] == parts[2] and b"Booting `Power off'" in parts[2]


def test_a_machine_that_differs_refuses_the_image(counts, tmp_path):
    exact_run(counts[0], f'save={tmp_path}/image')
    program = os.environ.get('EXACT_RUN') or os.path.join(os.path.dirname(vm.emulator()), 'exact-run')
    for options in ((*GRUB[:-3], '128', *GRUB[-2:]), (*GRUB, '-vga', 'none'), ('-icount', 'shift=5', *GRUB[2:])):
        done = subprocess.run([program, str(END), f'load={tmp_path}/image', '--', *options, '-serial', 'null'], capture_output=True, text=True,
                              timeout=60)
        assert done.returncode == 1 and done.stderr.startswith('exact-run: ') and done.stdout == '', options
