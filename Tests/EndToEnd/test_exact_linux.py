# SPDX-License-Identifier: Apache-2.0
"""Debian's kernel under instruction counting: equal runs whatever the engine and the host do, and saved machines that go on.

The guest (images/linux/exact) works the processor, writes and reads its disk, is typed at on a graphical console and reboots.
"""
import random
import shutil
import subprocess

import pytest
import vm
from exact import COUNTING, Run, Sample, choose_counts, difference, digests

pytestmark = pytest.mark.apus

DISK_BYTES = 1 << 20
#: Where runs end: shortly after the reboot, in the second boot's firmware.
END = 7 * 10 ** 9
#: Instructions between two hashes, in short and in long tests.
INTERVAL, LONG_INTERVAL = 5 * 10 ** 7, 10 ** 7
#: Virtual milliseconds at which keys are typed: while the guest boots, while it works, at its shell.
TYPING = (
    (46000, 'echo early\\n'),
    (53000, 'echo while it works > /dev/ttyS0\\n'),
    (60000, 'echo "six times seven is $((6*7))!" > /dev/ttyS0\\n'),
    (63000, 'sha256sum /dev/sda /proc/interrupts > /dev/ttyS0; reboot -f\\n'),
)


class Scenario:
    """A disk of its own, and runs on copies of it."""

    def __init__(self, folder):
        self.folder = folder
        self.number = 0
        source = random.Random(1)
        with open(folder / 'disk', 'wb') as file:
            file.write(source.randbytes(256 << 10))
            file.truncate(DISK_BYTES)

    def run(self, count, *settings, disk=None, interval=INTERVAL, **options):
        """`disk` is the image to begin with; what the run leaves behind is in the folder of the result."""
        self.number += 1
        folder = self.folder / str(self.number)
        folder.mkdir()
        shutil.copy(disk or self.folder / 'disk', folder / 'hda')
        if not any(str(setting).startswith('load=') for setting in settings):
            settings = (*settings, *(f'type={time}:{text}' for time, text in TYPING))
        (folder / 'result').mkdir()
        run = Run(count, (f'hash-every={interval}', f'result={folder}/result', *settings), (
            '-icount', 'shift=3,sleep=off', *COUNTING, '-m', '128', '-kernel', vm.image('linux/amd64/vmlinuz'),
            '-initrd', vm.image('linux/exact/initrd.gz'), '-append', 'console=ttyS0 nokaslr quiet vga=0x311',
            '-drive', f'file={folder}/hda,format=raw'), serial=f'file:{folder}/serial', **options)
        run.serial = (folder / 'serial').read_bytes()
        run.files = digests(folder / 'result')
        run.folder = folder
        shutil.rmtree(folder / 'result')
        (folder / 'hda').unlink()
        return run


@pytest.fixture(scope='module')
def scenario(tmp_path_factory):
    return Scenario(tmp_path_factory.mktemp('exact'))


def check_equal(whole, other):
    assert difference(whole, other) is None
    assert list(other.hashes) == list(whole.hashes)
    assert other.files == whole.files and other.serial == whole.serial


# To the shell, and what it answers: for every test run.

@pytest.fixture(scope='module')
def whole(scenario):
    """The run that nothing disturbs."""
    return scenario.run(END, f'survey=200000:{scenario.folder}/survey')


@pytest.fixture(scope='module')
def saved(scenario, whole):
    """Counts and kinds of saved machines, and the run that saved them: disturbed in every way that costs no time."""
    counts = choose_counts(Sample.read(scenario.folder / 'survey'), random.Random(2), 10)
    run = scenario.run(END, 'flush=3', 'delay-disk=4', *(f'save-at={count}:{scenario.folder}/at-{count}' for count in counts))
    return counts, run


def test_the_guest_does_what_it_is_for(whole):
    for text in (b'exact: round 3', b'exact: sum f6351f5e', b'exact: ready', b'while it works', b'six times seven is 42!',
                 b'Restarting system'):
        assert text in whole.serial
    assert len(whole.hashes) == END // INTERVAL and whole.status == 'none'
    assert len({hashes['all'] for hashes in whole.hashes.values()}) == len(whole.hashes)


def test_a_forgetful_engine_and_slow_disks_change_nothing(whole, saved):
    check_equal(whole, saved[1])


def test_saved_machines_go_on_in_another_process(scenario, whole, saved):
    assert len(set(saved[0].values())) >= 6
    for count, kind in saved[0].items():
        end = (count // INTERVAL + 2) * INTERVAL
        part = scenario.run(min(end, END), f'load={scenario.folder}/at-{count}', disk=scenario.folder / f'at-{count}.ide0-hd0')
        part.summary = whole.summary  # of another count
        assert difference(whole, part) is None, f'saved at {count} ({kind})'


# With a hash every 10 million instructions: for long test runs.

@pytest.fixture(scope='module')
def long_whole(scenario):
    return scenario.run(END, f'survey=50000:{scenario.folder}/long-survey', interval=LONG_INTERVAL)


@pytest.mark.long
@pytest.mark.parametrize('settings', [
    (), ('flush=11',), ('flush=12', 'delay-disk=13'), ('block-limit=1',), ('block-limit=3',), ('without=links',),
    ('without=jump-table',), ('without=links,jump-table',), ('without=fusion',), ('without=dead-flags',), ('without=fast-memory',),
    ('without=host-code',), ('without=links,jump-table,fusion,dead-flags,flat-handlers,fast-memory,host-code', 'flush=14'),
], ids=lambda settings: ' '.join(settings) or 'nothing')
def test_nothing_that_the_engine_does_shows(scenario, long_whole, settings):
    check_equal(long_whole, scenario.run(END, *settings, interval=LONG_INTERVAL, timeout=3600))


@pytest.mark.long
def test_a_loaded_host_does_not_show(scenario, long_whole):
    busy = [subprocess.Popen(['sh', '-c', 'while :; do :; done']) for _ in range(4)]
    try:
        check_equal(long_whole, scenario.run(END, 'delay-disk=15', interval=LONG_INTERVAL, timeout=3600))
    finally:
        for process in busy:
            process.kill()
            process.wait()


@pytest.mark.long
def test_fifty_saved_machines_go_on_to_the_end(scenario, long_whole):
    counts = choose_counts(Sample.read(scenario.folder / 'long-survey'), random.Random(5), 50)
    run = scenario.run(END, *(f'save-at={count}:{scenario.folder}/long-{count}' for count in counts), interval=LONG_INTERVAL)
    check_equal(long_whole, run)
    wrong = {}
    for count, kind in sorted(counts.items()):
        part = scenario.run(END, f'load={scenario.folder}/long-{count}', disk=scenario.folder / f'long-{count}.ide0-hd0',
                            interval=LONG_INTERVAL)
        problem = difference(long_whole, part)
        if problem is None and (part.files != long_whole.files or not long_whole.serial.endswith(part.serial)):
            problem = 'files or serial output differ'
        if problem is None and min(part.hashes, default=0) != count // LONG_INTERVAL * LONG_INTERVAL + LONG_INTERVAL:
            problem = 'hashes are missing'
        if problem is not None:
            wrong[count] = f'{kind}: {problem}'
    assert not wrong


@pytest.mark.long
def test_the_second_boot_reads_what_the_first_wrote(scenario):
    """The whole story, twice: the guest powers itself off at the end of its second boot."""
    runs = [scenario.run(10 ** 12, *settings, timeout=3600) for settings in ((), ('flush=16', 'delay-disk=17'))]
    assert runs[0].status == '0' and b'exact: again, disk' in runs[0].serial
    check_equal(*runs)
