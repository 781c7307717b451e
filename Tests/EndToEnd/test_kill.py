# SPDX-License-Identifier: Apache-2.0
"""An emulator that is killed while its guest writes: the image holds together and has all that was flushed."""
import random
import re
import signal
import struct
import subprocess
import time

import pytest
import vm

PIECE = 8
SIZE = 16 << 20
#: What an image is made with, and whether a check may find clusters that nobody uses.
FORMS = {
    'plain': 'compat=1.1', 'v2': 'compat=0.10', 'small': 'cluster_size=512', 'lazy': 'lazy_refcounts=on',
    'extended': 'extended_l2=on,cluster_size=128k', 'wide': 'cluster_size=2M', 'metadata': 'preallocation=metadata',
    'narrow counts': 'refcount_bits=1,cluster_size=4k', 'overlay': 'compat=1.1', 'data file': 'data_file=NAME.data',
}


def places():
    """Where the guest writes: first sectors of pieces 1, 2, …"""
    state = 1
    while True:
        state = (state * 1664525 + 1013904223) & 0xffffffff
        yield state >> 12 & 0x7ff8


def check_content(flat, flushed):
    """Every sector is of one piece, at least as new as the last that was flushed there."""
    data = flat.read_bytes()
    last, seen = {}, {}
    for number, place in enumerate(places(), 1):
        # No guest gets much further before it says so.
        if number > flushed + 64:
            break
        if number <= flushed:
            last[place] = number
        seen.setdefault(place, set()).add(number)
    for place in seen:
        for sector in range(place, place + PIECE):
            words = struct.unpack_from('<128I', data, sector * 512)
            assert len(set(words)) == 1, f'sector {sector} is torn'
            assert words[0] >= last.get(place, 0), f'sector {sector} has piece {words[0]}, {last.get(place)} was flushed'
            assert words[0] == 0 or words[0] in seen[place]


def killed(folder, form, seconds, number, cache='writeback'):
    """Lets a guest write, kills its emulator, looks at the image; gives the last piece that was flushed and the check's status."""
    image = folder / f'{number}.qcow2'
    options = ['-o', FORMS[form].replace('NAME', str(image))]
    if form == 'overlay':
        base = folder / 'base.qcow2'
        if not base.exists():
            subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', base, str(SIZE)], check=True)
        options += ['-b', base, '-F', 'qcow2']
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', *options, image, str(SIZE)], check=True)
    log = folder / 'serial'
    log.unlink(missing_ok=True)
    process = subprocess.Popen([vm.emulator(), '-m', '16', '-nic', 'none', '-display', 'none', '-monitor', 'none', '-serial', f'file:{log}',
                                '-drive', f'file={vm.image("journal.img")},format=raw,snapshot=on,index=0',
                                '-drive', f'file={image},format=qcow2,index=2,discard=unmap,cache={cache}'])
    try:
        deadline = time.monotonic() + 30
        while not log.exists() or log.read_bytes().count(b'\n') < 3:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.005)
        time.sleep(seconds)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    said = log.read_text()
    assert 'failed' not in said
    flushed = int(re.findall(r'(?m)^([0-9a-f]{8})\n', said)[-1], 16)
    status = subprocess.run(['qemu-img', 'check', '-q', image], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    if form == 'lazy':
        # Its counts are behind by design; who opens it for writing mends it.
        assert status in (0, 2, 3)
        assert subprocess.run(['qemu-img', 'check', '-q', '-r', 'all', image], stdout=subprocess.DEVNULL).returncode == 0
    else:
        assert status in (0, 3), f'{form}: status {status}'
    flat = folder / 'flat'
    subprocess.run(['qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', image, flat], check=True)
    check_content(flat, flushed)
    for file in folder.glob(f'{number}.qcow2*'):
        file.unlink()
    return flushed, status


@pytest.mark.parametrize('form, cache', [('plain', 'writeback'), ('lazy', 'writeback'), ('small', 'writeback'), ('plain', 'none'),
                                         ('small', 'directsync')])
def test_nothing_flushed_is_lost(tmp_path, form, cache):
    flushed, _ = killed(tmp_path, form, 0.3, 0, cache)
    assert flushed > 0


@pytest.mark.long
def test_two_hundred_kills(tmp_path):
    source = random.Random(7)
    statuses = {}
    for number in range(200):
        form = list(FORMS)[number % len(FORMS)]
        flushed, status = killed(tmp_path, form, source.random() * 1.2, number,
                                 ('writeback', 'none')[number // len(FORMS) % 2])
        statuses.setdefault(form, []).append((flushed, status))
    for form, results in statuses.items():
        print(f'{form}: {sum(flushed for flushed, _ in results)} pieces flushed, checks clean {sum(s == 0 for _, s in results)}, '
              f'with clusters nobody uses {sum(s == 3 for _, s in results)}')
