# SPDX-License-Identifier: Apache-2.0
"""Nodes, drives and devices from the command line: what is accepted, what is refused in which words, what is locked."""
import os
import shutil
import subprocess

import pytest
import vm

STEPS = b'GUEST disk\r\nread ok\r\nwrite ok\r\nboot sector ok\r\n'
HEADLESS = ('-m', '32', '-nic', 'none', '-display', 'none', '-serial', 'stdio')


@pytest.fixture
def disk(tmp_path):
    return shutil.copy(vm.image('disk.img'), tmp_path / 'disk.img')


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder of small images, which is the current one."""
    for name, size in (('a.img', 1 << 20), ('b.img', 2 << 20)):
        with open(tmp_path / name, 'wb') as file:
            file.truncate(size)
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', tmp_path / 'c.qcow2', '1M'], check=True)
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', 'a.img', '-F', 'raw', tmp_path / 'd.qcow2'], check=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# The guest's disk in every spelling.
WAYS = [
    '-drive file=DISK,format=raw',
    '-drive driver=raw,file.driver=file,file.filename=DISK',
    '-drive file.filename=DISK,format=raw,file.locking=off,cache=none,discard=unmap,detect-zeroes=on',
    '-drive file=json:{"driver":"raw",,"file":{"driver":"file",,"filename":"DISK"}}',
    '-drive file=DISK,format=raw,if=none,id=d,werror=stop,cache=writethrough -device ide-hd,drive=d,bus=ide.0,serial=S,model=M,ver=V',
    '-blockdev driver=file,node-name=f,filename=DISK -device ide-hd,drive=f',
    '-blockdev driver=file,node-name=f,filename=DISK -blockdev driver=raw,node-name=r,file=f -device ide-hd,drive=r,write-cache=off',
    '-blockdev {"driver":"raw","node-name":"r","file":{"driver":"file","filename":"DISK"},"discard":"unmap"} -device ide-hd,drive=r',
    '-hda DISK2 -snapshot',
]


@pytest.mark.parametrize('way', WAYS)
def test_a_guest_uses_its_disk(run, disk, way):
    before = open(disk, 'rb').read()
    arguments = [word.replace('DISK2', str(disk)).replace('DISK', str(disk)) for word in way.split(' ')]
    done = run(*HEADLESS, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, STEPS, b'')
    changed = open(disk, 'rb').read() != before
    assert changed == ('-snapshot' not in way)


def test_a_guest_uses_qcow2_over_raw(run, disk, tmp_path):
    before = open(disk, 'rb').read()
    overlay = tmp_path / 'o.qcow2'
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', 'disk.img', '-F', 'raw', overlay], check=True)
    done = run(*HEADLESS, '-hda', overlay)
    assert (done.returncode, done.stdout, done.stderr) == (0, STEPS, b'')
    assert open(disk, 'rb').read() == before
    assert subprocess.run(['qemu-img', 'check', '-q', overlay]).returncode == 0
    subprocess.run(['qemu-img', 'convert', '-O', 'raw', overlay, tmp_path / 'flat'], check=True)
    flat = open(tmp_path / 'flat', 'rb').read()
    assert flat[1024:1536] == bytes(255 - byte for byte in before[512:1024]) and flat[1536:len(before)] == before[1536:]


def test_a_window_of_a_file_is_a_disk(run, disk, tmp_path):
    content = open(disk, 'rb').read()
    with open(tmp_path / 'big', 'wb') as file:
        file.write(b'x' * 4096 + content + b'y' * 4096)
    done = run(*HEADLESS, '-drive', f'file={tmp_path}/big,format=raw,offset=4096,size={len(content)}')
    assert (done.returncode, done.stdout) == (0, STEPS)
    after = open(tmp_path / 'big', 'rb').read()
    assert after[:4096] == b'x' * 4096 and after[-4096:] == b'y' * 4096 and after != b'x' * 4096 + content + b'y' * 4096


def test_a_floppy_boots(run, disk, tmp_path):
    """The guest uses the first hard disk, which it does not find; that it runs is enough."""
    shutil.copy(disk, tmp_path / 'floppy.img')
    with open(tmp_path / 'floppy.img', 'r+b') as file:
        file.truncate(1440 * 1024)
    done = run(*HEADLESS, '-drive', f'if=floppy,file={tmp_path}/floppy.img,format=raw', '-boot', 'a', timeout=30)
    assert done.returncode == 0 and done.stdout.startswith(b'GUEST disk\r\n')


def test_bootindex_goes_before_everything(run, disk, tmp_path):
    with open(tmp_path / 'empty.img', 'wb') as file:
        file.truncate(1 << 20)
    done = run(*HEADLESS, '-drive', f'file={tmp_path}/empty.img,format=raw,if=none,id=a',
               '-drive', f'file={disk},format=raw,if=none,id=b', '-device', 'ide-hd,drive=a,bus=ide.0,unit=0,bootindex=2',
               '-device', 'ide-hd,drive=b,bus=ide.1,unit=0,bootindex=1', '-boot', 'strict=on')
    # It runs from the second disk, and reads and writes the first one.
    assert done.returncode == 0 and done.stdout == STEPS


REFUSED = [
    ('-blockdev driver=file,node-name=a,filename=nope', "Could not open 'nope': No such file or directory"),
    ('-blockdev driver=raw,file=nope,node-name=a', "Cannot find device='nope' nor node-name='nope'"),
    ('-blockdev driver=raw,node-name=a,offset=2097152,file.driver=file,file.filename=a.img',
     'Offset (2097152) cannot be greater than size of the containing file (1048576)'),
    ('-blockdev driver=raw,node-name=a,size=2097152,file.driver=file,file.filename=a.img',
     'The sum of offset (0) and size (2097152) has to be smaller or equal to the  actual size of the containing file (1048576)'),
    ('-blockdev driver=raw,node-name=a,size=1000,file.driver=file,file.filename=a.img', 'Specified size is not multiple of 512'),
    ('-blockdev driver=file,node-name=a,filename=/tmp', "Could not open '/tmp': Is a directory"),
    ('-blockdev driver=file,node-name=a,filename=/dev/null', "'file' driver requires '/dev/null' to be a regular file"),
    ('-blockdev driver=host_device,node-name=a,filename=a.img',
     "'host_device' driver requires 'a.img' to be either a character or block device"),
    ('-drive file=c.qcow2,cache-size=1M,l2-cache-size=2M', 'l2-cache-size may not exceed cache-size'),
    ('-drive file=c.qcow2,l2-cache-entry-size=500',
     'L2 cache entry size must be a power of two between 512 and the cluster size (65536)'),
    ('-drive file=c.qcow2,overlap-check=bad', "Unsupported value 'bad' for qcow2 option 'overlap-check'. Allowed are any of the "
     'following: none, constant, cached, all'),
    ('-drive file=c.qcow2,offset=512', "Block format 'qcow2' does not support the option 'offset'"),
    ('-drive file=c.qcow2,data-file.filename=a.img', "'data-file' can only be set for images with an external data file"),
    ('-drive file=c.qcow2,backing.driver=raw', 'Could not open backing file: A block device must be specified for "file"'),
    ('-drive file=json:{}', 'Must specify either driver or file'), ('-drive file=json:[1]', 'Invalid JSON object given'),
    ('-drive file=a.img,format=raw,readonly=on,read-only=on', "'read-only' and its alias 'readonly' can't be used at the same time"),
    ('-drive file=a.img,format=raw,bps=5,throttling.bps-total=6',
     "'throttling.bps-total' and its alias 'bps' can't be used at the same time"),
    ('-drive file=a.img,format=raw,throttling.bps-total=-1', 'bps/iops/max values must be within [0, 1000000000000000]'),
    ('-blockdev driver=file,node-name=1x,filename=a.img', "Invalid node-name: '1x'"),
    ('-blockdev driver=file,node-name=abcdefghijabcdefghijabcdefghijabcdefghij,filename=a.img', 'Node name too long'),
    ('-blockdev driver=raw,node-name=a,file.driver=file,file.filename=a.img,file.node-name=a', "Duplicate nodes with node-name='a'"),
    ('-blockdev driver=qcow2,node-name=q,file.driver=file,file.filename=a.img', 'Image is not in qcow2 format'),
    ('-blockdev driver=qcow2,node-name=q,file.driver=file,file.filename=c.qcow2,backing=nope',
     "Could not open backing file: Cannot find device='nope' nor node-name='nope'"),
    ('-drive file=a.img,format=qcow2,if=none', 'Image is not in qcow2 format'),
    ('-drive file=nope,if=none', "Could not open 'nope': No such file or directory"),
    ('-drive file=a.img,format=raw,if=none,id=x,node-name=x', "Device name 'x' conflicts with an existing node name"),
    ('-drive file=d.qcow2,if=none,backing.driver=nosuch', "Could not open backing file: Unknown driver 'nosuch'"),
]


@pytest.mark.parametrize('arguments, sentence', REFUSED)
def test_what_cannot_be_is_refused(run, files, prefix, arguments, sentence):
    done = run('-nodefaults', '-display', 'none', *arguments.split(' '))
    assert (done.returncode, done.stdout, done.stderr.decode()) == (1, b'', f'{prefix} {arguments}: {sentence}\n')


@pytest.mark.parametrize('option, file, format', [
    ('file=c.qcow2,lazy-refcounts=on', 'c.qcow2', 'qcow2'), ('file=c.qcow2,l2-cache-size=1M,cache-clean-interval=5', 'c.qcow2', 'qcow2'),
    ('file=c.qcow2,overlap-check=all,pass-discard-request=on', 'c.qcow2', 'qcow2'), ('file=json:{"file.filename":"c.qcow2"}', 'c.qcow2', 'qcow2'),
    ('file=json:{"driver":"qcow2",,"file":{"filename":"c.qcow2"}}', 'c.qcow2', 'qcow2'), ('file=d.qcow2,backing.node-name=base', 'd.qcow2', 'qcow2'),
    ('file=d.qcow2,backing.driver=raw,backing.cache.direct=on', 'd.qcow2', 'qcow2'),
    ('file=c.qcow2,format=raw,detect-zeroes=unmap', 'c.qcow2', 'raw')])
def test_a_guessed_format_takes_its_options(start, files, option, file, format):
    machine = start('-S', '-drive', f'if=none,id=x,{option}', serial=False)
    drive = next(drive for drive in machine.qmp.command('query-block') if drive['device'] == 'x')['inserted']
    assert (drive['file'], drive['drv']) == (file, format)
    assert drive['detect_zeroes'] == ('unmap' if 'detect-zeroes' in option else 'off')
    nodes = [node['node-name'] for node in machine.qmp.command('query-named-block-nodes')]
    assert ('base' in nodes) == ('base' in option)


FILE = ['-blockdev', 'driver=file,node-name=f,filename=a.img']
CONFLICTS = [
    ([*FILE, '-blockdev', 'driver=raw,node-name=a,file=f', '-blockdev', 'driver=raw,node-name=b,file=f', '-device', 'ide-hd,drive=a',
      '-device', 'ide-hd,drive=b,bus=ide.1'],
     "-device ide-hd,drive=b,bus=ide.1: Permission conflict on node 'f': permissions 'write' are both required by node 'a' "
     "(uses node 'f' as 'file' child) and unshared by node 'b' (uses node 'f' as 'file' child)."),
    ([*FILE, '-blockdev', 'driver=file,node-name=f,filename=b.img'], "-blockdev driver=file,node-name=f,filename=b.img: "
     "Duplicate nodes with node-name='f'"),
    (['-blockdev', 'driver=file,node-name=f,filename=a.img,read-only=on', '-device', 'ide-hd,drive=f'],
     '-device ide-hd,drive=f: Block node is read-only'),
]


@pytest.mark.parametrize('arguments, sentence', CONFLICTS)
def test_users_of_a_node_must_agree(run, files, prefix, arguments, sentence):
    done = run('-nodefaults', '-display', 'none', *arguments)
    assert (done.returncode, done.stderr.decode()) == (1, f'{prefix} {sentence}\n')


# How an image is used, and the bytes of it that are locked then: 100 + n is used, 201 + n is denied to others.
LOCKS = [
    ('-drive file=F,format=raw,if=none', {100}),
    ('-drive file=F,format=raw', {100, 101, 201}),
    ('-drive file=F,format=raw,if=none,readonly=on', {100}),
    ('-cdrom F', {100, 201, 203}),
    ('-blockdev driver=file,node-name=a,filename=F', set()),
    ('-blockdev driver=raw,node-name=b,file.driver=file,file.filename=F -device ide-hd,drive=b', {100, 101, 201}),
    ('-blockdev driver=raw,node-name=b,file.driver=file,file.filename=F -device ide-hd,drive=b,share-rw=on', {100, 101}),
    ('-blockdev driver=raw,node-name=b,file.driver=file,file.filename=F -device ide-cd,drive=b', {100, 201, 203}),
    ('-drive file=Q,if=none', {100, 101, 103, 201, 203}),
    ('-drive file=Q', {100, 101, 103, 201, 203}),
    ('-blockdev driver=qcow2,node-name=b,file.driver=file,file.filename=Q', {100, 101, 103, 201, 203}),
    ('-blockdev driver=qcow2,node-name=b,read-only=on,file.driver=file,file.filename=Q', {100, 201, 203}),
    ('-drive file=F,format=raw,snapshot=on', {100, 201, 203}),
    ('-drive file=F,format=raw,if=floppy', {100, 101, 201, 203}),
    ('-drive file=F,format=raw,file.locking=off', set()),
]


def locked(path):
    inode = f':{os.stat(path).st_ino} '
    found = set()
    for line in open('/proc/locks'):
        if inode in line:
            first, last = line.split()[-2:]
            found |= set(range(int(first), int(last) + 1))
    return found


@pytest.mark.parametrize('arguments, expected', LOCKS)
def test_locks_are_the_references(start, files, arguments, expected):
    path = files / ('c.qcow2' if 'Q' in arguments else 'a.img')
    words = [word.replace('=F', f'={path}').replace('=Q', f'={path}') if '=' in word else str(path) if word == 'F' else word
             for word in arguments.split(' ')]
    start('-S', '-nodefaults', *words, serial=False)
    assert locked(path) == expected


BUSY = b'Is another process using the image'


@pytest.mark.parametrize('first, second, refused', [
    ('-drive file=F,format=raw', '-drive file=F,format=raw', b'Failed to get "write" lock'),
    ('-drive file=F,format=raw', '-cdrom F', b'Failed to get shared "write" lock'),
    ('-drive file=F,format=raw', '-drive file=F,format=raw,snapshot=on', b'Failed to get shared "write" lock'),
    ('-cdrom F', '-drive file=F,format=raw', b'Failed to get "write" lock'),
    ('-cdrom F', '-cdrom F', b''),
    ('-drive file=F,format=raw', '-drive file=F,format=raw,file.locking=off', b''),
])
@pytest.mark.parametrize('other', ['itself', 'reference'])
def test_a_running_image_is_refused(start, run, files, first, second, refused, other):
    path = str(files / 'a.img')

    def words(text):
        return [word.replace('=F', f'={path}') if '=' in word else path if word == 'F' else word for word in text.split(' ')]
    start('-S', '-nodefaults', *words(first), serial=False)
    command = [vm.emulator() if other == 'itself' else vm.REFERENCE, '-S', '-nodefaults', '-display', 'none', '-monitor', 'stdio',
               *words(second)]
    done = subprocess.run(command, input=b'quit\n', capture_output=True, timeout=20)
    assert done.returncode == (1 if refused else 0)
    assert refused in done.stderr and (BUSY in done.stderr) == bool(refused)


def test_qemu_img_sees_who_uses_an_image(start, files):
    path = str(files / 'c.qcow2')
    start('-S', '-nodefaults', '-drive', f'file={path}', serial=False)
    refused = subprocess.run(['qemu-img', 'info', path], capture_output=True)
    assert refused.returncode == 1 and b'Failed to get shared "write" lock' in refused.stderr
    assert subprocess.run(['qemu-img', 'info', '-U', path], capture_output=True).returncode == 0


def test_an_image_in_use_elsewhere_is_refused(run, files, prefix):
    with subprocess.Popen(['qemu-io', '-f', 'raw', 'a.img'], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdin.write(b'length\n')
        other.stdin.flush()
        other.stdout.readline()
        done = run('-nodefaults', '-display', 'none', '-drive', 'file=a.img,format=raw')
        other.communicate(b'quit\n')
    assert (done.returncode, done.stderr.decode()) == (
        1, f'{prefix} Failed to get shared "write" lock\nIs another process using the image [a.img]?\n')
