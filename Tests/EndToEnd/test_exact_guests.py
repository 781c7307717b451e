# SPDX-License-Identifier: Apache-2.0
"""Small guests saved at counts of every kind go on in another process to the end, with an equal hash of the whole machine at
every mark: the demo disk (keys, text, VESA and mode 13h pictures, power-off) and GRUB from a CD."""
import random
import shutil

import pytest
import vm
from exact import COUNTING, Run, Sample, choose_counts, difference, digests

pytestmark = pytest.mark.apus

END = 10 ** 12
INTERVAL = 5 * 10 ** 6
#: Virtual milliseconds and texts.
GUESTS = {
    'demo': (('-m', '16', '-drive', f'file={vm.IMAGES}/demo.img,format=raw,snapshot=on'),
             ((14000, 'hello\\n'), (15000, 'picture\\n'), (16000, 'mode13\\n'), (17000, 'text\\n'), (18000, 'off\\n'))),
    'grub': (('-m', '64', '-cdrom', f'{vm.IMAGES}/grub-halt.iso'), ((9000, 'c'),)),
}
POINTS = 15


@pytest.fixture(scope='module', params=GUESTS)
def guest(request, tmp_path_factory):
    options, typing = GUESTS[request.param]
    folder = tmp_path_factory.mktemp(request.param)

    def run(*settings):
        result = folder / 'result'
        shutil.rmtree(result, ignore_errors=True)
        result.mkdir()
        run = Run(END, (f'hash-every={INTERVAL}', f'result={result}', *settings), ('-icount', 'shift=6,sleep=off', *COUNTING, *options),
                  serial=f'file:{folder}/serial', timeout=300)
        run.serial, run.files = (folder / 'serial').read_bytes(), digests(result)
        return run
    keys = tuple(f'type={time}:{text}' for time, text in typing)
    whole = run(f'survey=500:{folder}/survey', *keys)
    counts = choose_counts(Sample.read(folder / 'survey'), random.Random(request.param), POINTS)
    saved = run(*keys, *(f'save-at={count}:{folder}/at-{count}' for count in counts))
    return request.param, run, folder, whole, counts, saved


def test_the_guests_do_what_they_are_for(guest):
    name, _, _, whole, counts, _ = guest
    assert whole.status == '0' and len(whole.hashes) > 8
    kinds = set(counts.values())
    if name == 'demo':
        for text in (b'echo hello', b'screen picture', b'screen mode13', b'power off'):
            assert text in whole.serial
        assert {'key', 'graphics'} <= kinds
    assert {'disk', 'timer', 'mode', 'anywhere'} <= kinds


def test_saving_changes_nothing(guest):
    whole, saved = guest[3], guest[5]
    assert difference(whole, saved) is None
    assert (saved.files, saved.serial, list(saved.hashes)) == (whole.files, whole.serial, list(whole.hashes))


def test_saved_machines_go_on_to_the_end(guest):
    _, run, folder, whole, counts, _ = guest
    for count, kind in counts.items():
        part = run(f'load={folder}/at-{count}')
        at = f'saved at {count} ({kind})'
        assert difference(whole, part) is None, at
        assert part.files == whole.files and whole.serial.endswith(part.serial), at
