# SPDX-License-Identifier: Apache-2.0
"""`cache=none` and its kin: files are opened past the page cache, and what is read and written is the same."""
import os
import shutil
import subprocess

import pytest
import vm

STEPS = b'GUEST disk\r\nread ok\r\nwrite ok\r\nboot sector ok\r\n'
HEADLESS = ('-m', '32', '-nic', 'none', '-display', 'none', '-serial', 'stdio')
IMG = [vm.emulator(), 'img'] if os.path.basename(vm.emulator()) == 'apus' else ['qemu-img']
# Raw files whose lengths are no multiple of anything that a host wants.
LENGTHS = {'r1': 1000, 'r2': 512 * 21 + 100, 'r3': (3 << 20) + 512}


def has_direct(folder):
    try:
        os.close(os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_DIRECT))
    except OSError:
        return False
    return True


@pytest.fixture
def files(tmp_path, monkeypatch):
    if not has_direct(tmp_path):
        pytest.skip('the file system of the tests knows no O_DIRECT')
    monkeypatch.chdir(tmp_path)
    for name, length in LENGTHS.items():
        with open(name, 'wb') as file:
            file.write(os.urandom(length))
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', 'r3', '-F', 'raw', 'o.qcow2'], check=True)
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', 'q.qcow2', '4M'], check=True)
    return tmp_path


def same(*names):
    subprocess.run(['qemu-img', 'compare', '-q', *names], check=True)


def direct_files(machine):
    """Names of the open files of a process, and whether the page cache is bypassed for all that have the name."""
    found = {}
    for number in os.listdir(f'/proc/{machine.process.pid}/fd'):
        name = os.path.basename(os.readlink(f'/proc/{machine.process.pid}/fd/{number}'))
        with open(f'/proc/{machine.process.pid}/fdinfo/{number}') as info:
            flags = int(next(line for line in info if line.startswith('flags')).split()[1], 8)
        if name in LENGTHS or name.endswith('.qcow2'):
            found[name] = found.get(name, True) and bool(flags & os.O_DIRECT)
    return found


def caches(machine):
    return {node['file']: (node['cache']['direct'], node['cache']['no-flush'])
            for node in machine.qmp.command('query-named-block-nodes') if not node['file'].startswith('json:')}


@pytest.mark.parametrize('option, is_direct, no_flush, writeback', [
    ('cache=none', True, False, True), ('cache=directsync', True, False, False), ('cache.direct=on', True, False, True),
    ('cache=none,aio=native', True, False, True), ('cache=none,cache.no-flush=on', True, True, True), ('cache=writeback', False, False, True),
    ('cache=writethrough', False, False, False), ('cache=unsafe', False, True, True), ('cache=none,cache.direct=off', False, False, True)])
def test_the_mode_of_a_drive_is_that_of_its_files(start, files, option, is_direct, no_flush, writeback):
    machine = start('-S', '-drive', f'file=o.qcow2,if=virtio,{option}', '-drive', f'file=r1,format=raw,if=virtio,{option}', serial=False)
    assert direct_files(machine) == {'o.qcow2': is_direct, 'r3': is_direct, 'r1': is_direct}
    assert set(caches(machine).values()) == {(is_direct, no_flush)}
    for drive in machine.qmp.command('query-block'):
        if drive['device'].startswith('virtio'):
            assert drive['inserted']['cache'] == {'writeback': writeback, 'direct': is_direct, 'no-flush': no_flush}
    mode = ('writeback' if writeback else 'writethrough') + (', direct' if is_direct else '') + (', ignore flushes' if no_flush else '')
    assert machine.qmp.hmp('info block').count(f'Cache mode:       {mode}\r\n') == 2


def test_nodes_are_opened_so_one_by_one(start, files):
    machine = start('-S', '-blockdev', 'driver=qcow2,node-name=q,file.driver=file,file.filename=q.qcow2,cache.direct=on', serial=False)
    assert direct_files(machine) == {'q.qcow2': True}
    machine.qmp.command('blockdev-add', **{'driver': 'file', 'node-name': 'f', 'filename': 'r3', 'read-only': True})
    machine.qmp.command('blockdev-add', **{'driver': 'raw', 'node-name': 'r', 'cache': {'direct': True}, 'read-only': True,
                                         'file': {'driver': 'file', 'filename': 'r1', 'aio': 'native'}})
    machine.qmp.command('blockdev-add', **{'driver': 'qcow2', 'node-name': 'o', 'file': {'driver': 'file', 'filename': 'o.qcow2',
                                         'cache': {'direct': True}}, 'backing': 'f'})
    assert direct_files(machine) == {'q.qcow2': True, 'r3': False, 'r1': True, 'o.qcow2': True}
    with pytest.raises(vm.QMPError) as refused:
        machine.qmp.command('blockdev-add', **{'driver': 'file', 'node-name': 'z', 'filename': 'r2', 'aio': 'native'})
    assert refused.value.description == 'aio=native was specified, but it requires cache.direct=on, which was not specified.'


def test_a_snapshot_goes_on_in_the_mode_of_what_it_covers(start, files):
    machine = start('-S', '-drive', 'file=q.qcow2,if=virtio,cache=none,id=d', serial=False)
    machine.qmp.command('blockdev-snapshot-sync', device='d', **{'snapshot-file': 's.qcow2'})
    assert direct_files(machine) == {'q.qcow2': True, 's.qcow2': True}


@pytest.mark.parametrize('mode', ['none', 'directsync'])
@pytest.mark.parametrize('layout', ['raw', 'tail', 'overlay', 'small clusters'])
def test_a_guest_sees_and_leaves_the_same(run, files, layout, mode):
    content = open(vm.image('disk.img'), 'rb').read()
    for name in ('cached', 'direct'):
        with open(f'{name}.raw', 'wb') as file:
            file.write(content[:-100] if layout == 'tail' else content)
        if layout == 'overlay':
            subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', f'{name}.raw', '-F', 'raw', f'{name}.img'], check=True)
        elif layout == 'small clusters':
            subprocess.run(['qemu-img', 'convert', '-O', 'qcow2', '-o', 'cluster_size=512', f'{name}.raw', f'{name}.img'], check=True)
        else:
            shutil.move(f'{name}.raw', f'{name}.img')
        kind = 'raw' if layout in ('raw', 'tail') else 'qcow2'
        cache = mode if name == 'direct' else 'writeback'
        done = run(*HEADLESS, '-drive', f'file={name}.img,format={kind},cache={cache}')
        assert (done.returncode, done.stdout, done.stderr) == (0, STEPS, b'')
        if kind == 'qcow2':
            subprocess.run(['qemu-img', 'check', '-q', f'{name}.img'], check=True)
    same('-f', kind, '-F', kind, 'cached.img', 'direct.img')
    subprocess.run(['qemu-img', 'convert', '-f', kind, '-O', 'raw', 'direct.img', 'after'], check=True)
    assert open('after', 'rb').read(2048) != content[:2048]


@pytest.mark.parametrize('options', ['', '-o cluster_size=512', '-o cluster_size=2M', '-o refcount_bits=1', '-c', '-o extended_l2=on'])
def test_images_are_converted_past_the_page_cache(files, options):
    for name in (*LENGTHS, 'o.qcow2'):
        for mode in ('none', 'directsync'):
            subprocess.run([*IMG, 'convert', '-t', mode, '-T', 'none', '-O', 'qcow2', *options.split(), name, 'x.qcow2'], check=True)
            same(name, 'x.qcow2')
            subprocess.run(['qemu-img', 'check', '-q', 'x.qcow2'], check=True)
        subprocess.run([*IMG, 'convert', '-t', 'none', '-T', 'none', '-O', 'raw', 'x.qcow2', 'x.raw'], check=True)
        same('-F', 'raw', 'x.qcow2', 'x.raw')
        assert os.path.getsize('x.raw') == (LENGTHS[name if name in LENGTHS else 'r3'] + 511) // 512 * 512
        assert subprocess.run([*IMG, 'compare', '-q', '-T', 'none', '-F', 'raw', name, 'x.raw']).returncode == 0


def test_commands_that_change_images_past_the_page_cache(files):
    subprocess.run(['qemu-io', '-c', 'write -P 5 1M 70000', '-c', 'write -P 6 3145728 512', 'o.qcow2'], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(['qemu-img', 'convert', 'o.qcow2', 'before'], check=True)
    subprocess.run([*IMG, 'rebase', '-t', 'none', '-T', 'none', '-b', 'q.qcow2', '-F', 'qcow2', 'o.qcow2'], check=True)
    same('before', 'o.qcow2')
    subprocess.run([*IMG, 'amend', '-t', 'none', '-o', 'lazy_refcounts=on', 'o.qcow2'], check=True)
    subprocess.run([*IMG, 'commit', '-q', '-t', 'none', 'o.qcow2'], check=True)
    subprocess.run([*IMG, 'check', '-q', '-T', 'none', 'q.qcow2'], check=True)
    assert subprocess.run(['qemu-img', 'compare', '-q', 'before', 'q.qcow2']).returncode == 0


def test_a_file_system_that_takes_any_request_teaches_no_alignment(run, prefix):
    """tmpfs takes single bytes, so the page is taken for a unit, which a disk of 1000 bytes does not end with."""
    if not os.path.isdir('/dev/shm') or not os.access('/dev/shm', os.W_OK):
        pytest.skip('no tmpfs here')
    name = f'/dev/shm/apus-{os.getpid()}'
    with open(name, 'wb') as file:
        file.write(bytes(1000))
    try:
        done = run('-display', 'none', '-drive', f'file={name},format=raw,cache=none,if=virtio')
    finally:
        os.unlink(name)
    assert done.returncode == 1
    sentence = done.stderr.decode()
    assert sentence.endswith("Cannot get 'write' permission without 'resize': Image size is not a multiple of request alignment\n") \
        or sentence.endswith(f"Could not open '{name}': filesystem does not support O_DIRECT\n"), sentence


@pytest.mark.parametrize('device', ['ide-hd', 'virtio-blk-pci'])
@pytest.mark.parametrize('cache, write_cache, writeback', [
    ('writeback', 'auto', True), ('writeback', 'off', False), ('writethrough', 'auto', False), ('directsync', 'on', True)])
def test_the_device_has_the_last_word_on_its_write_cache(start, files, device, cache, write_cache, writeback):
    machine = start('-S', '-drive', f'file=q.qcow2,if=none,id=x,cache={cache}', '-device', f'{device},drive=x,write-cache={write_cache}',
                    serial=False)
    drive = next(drive for drive in machine.qmp.command('query-block') if drive['device'] == 'x')
    assert drive['inserted']['cache'] == {'writeback': writeback, 'direct': cache == 'directsync', 'no-flush': False}
