# SPDX-License-Identifier: Apache-2.0
"""Raw disk images as the guest and the host see them: written, protected, overlaid, guarded, or refused by name."""
import shutil
import subprocess

import pytest
import vm

STEPS = b'GUEST disk\r\nread ok\r\nwrite ok\r\nboot sector ok\r\n'
GUARDED = STEPS.replace(b'sector ok', b'sector error')
WARNING = ("WARNING: Image format was not specified for '{0}' and probing guessed raw.\n"
           '         Automatically detecting the format is dangerous for raw images, write operations on block 0 will be restricted.\n'
           "         Specify the 'raw' format explicitly to remove the restrictions.\n")
HEADLESS = ('-m', '32', '-nic', 'none', '-display', 'none', '-serial', 'stdio')


@pytest.fixture
def disk(tmp_path):
    return shutil.copy(vm.image('disk.img'), tmp_path / 'disk.img')


def written(before, sector_zero):
    after = bytearray(before)
    after[1024:1536] = bytes(255 - byte for byte in before[512:1024])
    if sector_zero:
        after[0:512] = b'QFI\xfb\0\0\0\3' + after[1032:1536]
    return bytes(after)


def test_writes_reach_the_file(run, disk):
    before = open(disk, 'rb').read()
    done = run(*HEADLESS, '-drive', f'file={disk},format=raw')
    assert (done.returncode, done.stdout, done.stderr) == (0, STEPS, b'')
    assert open(disk, 'rb').read() == written(before, sector_zero=True)


@pytest.mark.parametrize('option', ['-hda', '-drive', ''])
def test_a_guessed_format_guards_sector_zero(run, disk, option):
    before = open(disk, 'rb').read()
    done = run(*HEADLESS, *{'-hda': ['-hda', disk], '-drive': ['-drive', f'file={disk}'], '': [disk]}[option])
    assert (done.returncode, done.stdout, done.stderr.decode()) == (0, GUARDED, WARNING.format(disk))
    assert open(disk, 'rb').read() == written(before, sector_zero=False)


@pytest.mark.parametrize('arguments', ['-drive file=DISK,format=raw,snapshot=on', '-drive file=DISK,format=raw -snapshot'])
def test_a_snapshot_leaves_the_file_alone(run, disk, arguments):
    before = open(disk, 'rb').read()
    done = run(*HEADLESS, *arguments.replace('DISK', str(disk)).split(' '))
    assert (done.returncode, done.stdout) == (0, STEPS)
    assert open(disk, 'rb').read() == before


@pytest.mark.apus
@pytest.mark.parametrize('form', ['qed', 'vmdk', 'vdi', 'vhdx', 'vpc', 'parallels', 'luks'])
def test_other_formats_are_refused_by_name(run, tmp_path, form):
    path = tmp_path / 'image'
    extra = ['--object', 'secret,id=s,data=x', '-o', 'key-secret=s,iter-time=10'] if form == 'luks' else []
    # For LUKS qemu-img times its key derivation, and gives up when it was disturbed.
    for _ in range(50):
        if subprocess.run(['qemu-img', 'create', '-q', '-f', form, *extra, path, '1M']).returncode == 0:
            break
    before = path.read_bytes()
    done = run(*HEADLESS, '-hda', path)
    assert done.returncode == 1 and done.stdout == b''
    assert form in done.stderr.decode() and str(path) in done.stderr.decode()
    assert path.read_bytes() == before


def test_an_image_is_used_by_one_process(start, run, disk):
    start('-S', '-drive', f'file={disk},format=raw', serial=False)
    done = run(*HEADLESS, '-drive', f'file={disk},format=raw')
    assert done.returncode == 1 and b'Failed to get "write" lock' in done.stderr
    assert b'Is another process using the image' in done.stderr
