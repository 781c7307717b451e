# SPDX-License-Identifier: Apache-2.0
"""Devices and nothing in a disk's place, statistics of intervals, `json:` names, warnings of images that do not open, write-through."""
import hashlib
import json
import os
import shutil
import subprocess

import pytest
import vm

IMG = [vm.emulator(), 'img'] if os.path.basename(vm.emulator()) == 'apus' else ['qemu-img']
WARNING = ("WARNING: Image format was not specified for '{}' and probing guessed raw.\n"
           '         Automatically detecting the format is dangerous for raw images, write operations on block 0 will be restricted.\n'
           "         Specify the 'raw' format explicitly to remove the restrictions.\n")
HEADLESS = ('-m', '32', '-nic', 'none', '-display', 'none', '-serial', 'stdio')
STEPS = b'GUEST disk\r\nread ok\r\nwrite ok\r\nboot sector ok\r\n'


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder of small images, which is the current one."""
    monkeypatch.chdir(tmp_path)
    for name in ('a.img', 'b.img'):
        with open(name, 'wb') as file:
            file.truncate(1 << 20)
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', 'c.qcow2', '1M'], check=True)
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', 'a.img', '-F', 'raw', 'd.qcow2'], check=True)
    return tmp_path


@pytest.fixture
def machine(start, files):
    def run(*arguments):
        return start('-S', '-nodefaults', *arguments, serial=False)
    return run


def answer(machine, command, **arguments):
    """The result, or the sentence of the error."""
    machine.qmp.send({'execute': command, 'arguments': {key.replace('_', '-'): value for key, value in arguments.items()}})
    reply = machine.qmp.reply()
    return reply['return'] if 'return' in reply else reply['error']['desc']


# What is in a disk's place, and the nodes that come of it: drivers, name, length.
PLACES = [
    ('-drive file=/dev/null,format=raw,if=none', ['raw', 'host_device'], '/dev/null', 0),
    ('-drive file=/dev/zero,format=raw,if=virtio', ['raw', 'host_device'], '/dev/zero', 0),
    ('-drive driver=host_device,file=/dev/full,if=none', ['host_device'], '/dev/full', 0),
    ('-blockdev driver=host_device,node-name=h,filename=/dev/null', ['host_device'], '/dev/null', 0),
    ('-drive file=null-co://,format=raw,if=none', ['raw', 'null-co'], 'null-co://', 1 << 30),
    ('-drive driver=null-co,if=none,latency-ns=5', ['null-co'], 'null-co://', 1 << 30),
    ('-blockdev driver=null-aio,node-name=n,size=1000', ['null-aio'], 'json:{"driver": "null-aio", "size": 1000}', 1024),
]


@pytest.mark.parametrize('arguments, drivers, name, length', PLACES)
def test_devices_and_nothing_in_a_disks_place(machine, arguments, drivers, name, length):
    nodes = machine(*arguments.split(' ')).qmp.command('query-named-block-nodes', flat=True)
    assert [node['drv'] for node in nodes] == drivers
    assert {(node['file'], node['image']['virtual-size'], 'dirty-flag' in node['image']) for node in nodes} == {
        (name, length, name.startswith('/'))}


NOTHING = 'null-co://'
REFUSED = [
    ('-blockdev driver=file,node-name=a,filename=/dev/null', "'file' driver requires '/dev/null' to be a regular file"),
    ('-drive driver=file,file=/dev/null,if=none', "'file' driver requires '/dev/null' to be a regular file"),
    ('-drive file=/dev/null,format=raw,if=none,cache=none', "Could not open '/dev/null': filesystem does not support O_DIRECT"),
    (f'-drive file={NOTHING}x,if=none', f"The only allowed filename for this driver is '{NOTHING}'"),
    ('-drive driver=null-co,file=a.img,if=none', f"The only allowed filename for this driver is '{NOTHING}'"),
    ('-drive driver=null-co,latency-ns=-1,if=none', 'latency-ns is invalid'),
    ('-drive driver=null-co,colour=1,if=none', "Block protocol 'null-co' doesn't support the option 'colour'"),
    ('-drive file=a.img,format=raw,if=none,stats-intervals.0=0', 'Invalid interval length: 0'),
    ('-drive file=a.img,format=raw,if=none,stats-intervals.0=4294967296', 'Invalid interval length: 4294967296'),
    ('-drive file=a.img,format=raw,if=none,stats-intervals.0=5,stats-intervals.2=7', 'Invalid option stats-intervals.2'),
    ('-drive file=a.img,format=raw,if=none,stats-intervals=60', "Block format 'raw' does not support the option 'stats-intervals'"),
    ('-drive file=a.img,format=raw,if=none,stats-account-failed=x', "Parameter 'stats-account-failed' expects 'on' or 'off'"),
    ('-drive file=a.img,if=none,node-name=1x', "Invalid node-name: '1x'"),
    ('-drive file=a.img,if=none,readonly=on,offset=4G',
     'Offset (4294967296) cannot be greater than size of the containing file (1048576)'),
]


@pytest.mark.parametrize('arguments, sentence', REFUSED)
def test_what_cannot_be_is_refused(run, files, prefix, arguments, sentence):
    done = run('-nodefaults', '-display', 'none', *arguments.split(' '))
    assert (done.returncode, done.stderr.decode()) == (1, f'{prefix} {arguments}: {sentence}\n')


@pytest.mark.parametrize('options, sentence', [
    ('foo=bar', "Block format 'raw' does not support the option 'foo'"), ('size=3', 'Specified size is not multiple of 512'),
    ('backing=x', "Driver doesn't support backing files"), ('id=x,node-name=x', "Device name 'x' conflicts with an existing node name")])
def test_a_guess_is_warned_of_even_if_the_image_does_not_open(run, files, prefix, options, sentence):
    arguments = f'-drive file=a.img,if=none,{options}'
    done = run('-nodefaults', '-display', 'none', *arguments.split(' '))
    assert (done.returncode, done.stderr.decode()) == (1, WARNING.format('a.img') + f'{prefix} {arguments}: {sentence}\n')


def test_each_image_is_warned_of(run, files, prefix):
    done = run('-nodefaults', '-display', 'none', '-drive', 'file=a.img', '-drive', 'file=a.img')
    assert done.stderr.decode() == 2 * WARNING.format('a.img') + (
        f'{prefix} Failed to get "write" lock\nIs another process using the image [a.img]?\n')


@pytest.mark.parametrize('option', ['backing=', 'driver=qcow2,backing='])
def test_an_empty_backing_name_is_warned_of(start, files, option):
    machine = start('-S', '-nodefaults', '-drive', f'file=d.qcow2,if=none,{option}', serial=False)
    assert len(machine.qmp.command('query-named-block-nodes')) == 2


def test_the_tool_and_devices(files):
    def tool(*arguments):
        done = subprocess.run([*IMG, *arguments], capture_output=True, text=True)
        return done.returncode, done.stderr.split(': ', 1)[-1]
    assert tool('resize', '-f', 'raw', '/dev/null', '1M') == (1, 'Cannot resize device files\n')
    assert tool('create', '-f', 'raw', '/dev/null', '1M') == (1, '/dev/null: Cannot grow device files\n')
    assert tool('convert', '-O', 'raw', 'a.img', '/dev/null') == (1, '/dev/null: error while converting raw: Cannot grow device files\n')
    assert tool('create', '-f', 'raw', NOTHING, '1M') == (1, f"{NOTHING}: Protocol driver 'null-co' does not support image creation\n")
    assert tool('convert', '-n', '-O', 'raw', 'a.img', NOTHING) == (0, '')
    info = json.loads(subprocess.run([*IMG, 'info', '--output=json', '/dev/null'], check=True, capture_output=True).stdout)
    assert info == {'virtual-size': 0, 'filename': '/dev/null', 'format': 'raw', 'actual-size': 0, 'dirty-flag': False}


def test_statistics_of_intervals(start, tmp_path):
    disk = shutil.copy(vm.image('disk.img'), tmp_path / 'disk.img')
    machine = start(*HEADLESS[:4], '-drive', f'file={disk},format=raw,id=d,stats-intervals.0=60,stats-intervals.1=3600,'
                    'stats-account-invalid=off,stats-account-failed=off', '-action', 'shutdown=pause')
    machine.serial.wait('boot sector ok')
    stats = next(drive for drive in machine.qmp.command('query-blockstats') if drive['device'] == 'd')['stats']
    assert not stats['account_invalid'] and not stats['account_failed']
    assert [timed['interval_length'] for timed in stats['timed_stats']] == [60, 3600]
    for timed in stats['timed_stats']:
        for kind in ('rd', 'wr'):
            low, mean, high = (timed[f'{what}_{kind}_latency_ns'] for what in ('min', 'avg', 'max'))
            assert 0 < low <= mean <= high <= stats[f'{kind}_total_time_ns'] and timed[f'avg_{kind}_queue_depth'] > 0
        assert {name.split('_', 1)[0] for name in timed} == {'min', 'max', 'avg', 'interval'} and len(timed) == 12


@pytest.mark.parametrize('file, options', [('a.img', 'format=raw,if=none'), ('a.img', 'format=raw,if=virtio'), ('c.qcow2', 'if=none')])
def test_a_read_only_drive_with_a_temporary_layer(machine, file, options):
    (drive,) = machine('-drive', f'file={file},id=d,snapshot=on,readonly=on,{options}').qmp.command('query-block')
    shown = drive['inserted']
    assert (shown['ro'], shown['drv'], shown['backing_file'], shown['cache']['no-flush']) == (True, 'qcow2', file, True)


FILE = {'driver': 'file', 'filename': 'a.img'}
# A `json:` name, what -drive says besides, and of the nodes: driver, read-only, direct, name.
NAMES = [
    ({'driver': 'raw', 'file': FILE, 'cache': {'direct': True}}, '', [('raw', False, False, 'a.img'), ('file', False, False, 'a.img')]),
    ({'driver': 'raw', 'file': FILE, 'cache.direct': False}, ',cache=none', [('raw', False, True, 'a.img'), ('file', False, True, 'a.img')]),
    ({'driver': 'raw', 'file': {**FILE, 'cache': {'direct': True}}}, '', [('raw', False, False, 'a.img'), ('file', False, True, 'a.img')]),
    ({'driver': 'raw', 'file': FILE, 'read-only': True}, '', [('raw', False, False, 'a.img'), ('file', False, False, 'a.img')]),
    ({'driver': 'raw', 'file': FILE, 'read-only': 'maybe'}, ',readonly=on', [('raw', True, False, 'a.img'), ('file', True, False, 'a.img')]),
    ({'driver': 'raw', 'file': FILE, 'backing': None}, '', [('raw', False, False, 'a.img'), ('file', False, False, 'a.img')]),
    ({'driver': 'raw', 'file': FILE, 'backing': ''}, '', [('raw', False, False, 'a.img'), ('file', False, False, 'a.img')]),
    ({'file': {'driver': 'file', 'filename': 'd.qcow2'}}, ',format=raw', [('raw', False, False, 'd.qcow2'), ('file', False, False, 'd.qcow2')]),
    ({'driver': 'qcow2', 'file': {'driver': 'file', 'filename': 'd.qcow2'}, 'backing': None}, '',
     [('qcow2', False, False, 'json:{"backing": null, "driver": "qcow2", "file": {"driver": "file", "filename": "d.qcow2"}}'),
      ('file', False, False, 'd.qcow2')]),
]


def as_drive(name, options):
    text = name if isinstance(name, str) else json.dumps(name)
    return ['-drive', ('file=json:' + text.replace(',', ',,')) + ',if=none' + options]


@pytest.mark.parametrize('name, options, nodes', NAMES)
def test_what_goes_first_in_json_names(machine, name, options, nodes):
    found = machine(*as_drive(name, options)).qmp.command('query-named-block-nodes', flat=True)
    assert [(node['drv'], node['ro'], node['cache']['direct'], node['file']) for node in found] == nodes


SIZE = ("Parameter '{}' expects a non-negative number below 2^64\nOptional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, "
        'peta-\nand exabytes, respectively.')
MISTAKES = [
    ({'driver': 'raw', 'file': FILE, 'offset': -1}, '', SIZE.format('offset')), ({'driver': 'raw', 'file': FILE, 'size': True}, '', SIZE.format('size')),
    ({'driver': 'raw', 'file': FILE, 'offset': 1.5}, '', SIZE.format('offset')),
    ({'driver': 'raw', 'file': FILE, 'offset': 2 ** 63 - 1}, '',
     'Offset (9223372036854775807) cannot be greater than size of the containing file (1048576)'),
    ({'driver': 'raw', 'file': FILE, 'offset': 512, 'size': 2 ** 63 - 1}, '', 'The sum of offset (512) and size (9223372036854775807) has to be '
     'smaller or equal to the  actual size of the containing file (1048576)'),
    ({'driver': 'raw', 'file': FILE, 'backing': 'x'}, '', "Driver doesn't support backing files"),
    ({'driver': 'raw', 'file': FILE}, ',format=qcow2', 'Image is not in qcow2 format'),
    ({'driver': 'raw', 'file': FILE, 'cache': {'writeback': False}}, '', "Block format 'raw' does not support the option 'cache.writeback'"),
    ({'driver': 'qcow2', 'file': {'driver': 'file', 'filename': 'd.qcow2'}, 'backing': 'null'}, '',
     "Could not open backing file: Cannot find device='null' nor node-name='null'"),
]


@pytest.mark.parametrize('name, options, sentence', MISTAKES)
def test_mistakes_in_json_names(run, files, name, options, sentence):
    done = run('-nodefaults', '-display', 'none', *as_drive(name, options))
    assert done.returncode == 1 and done.stderr.decode().endswith(f',if=none{options}: {sentence}\n')


def test_limits_of_a_drive_by_its_devices_path(machine):
    a = machine('-blockdev', 'driver=file,node-name=f,filename=a.img', '-device', 'virtio-blk,drive=f,id=vd',
                '-drive', 'file=b.img,format=raw,if=none,id=d', '-device', 'ide-hd,drive=d,id=hd')

    def limit(**target):
        limits = dict.fromkeys(('bps', 'bps_rd', 'bps_wr', 'iops_rd', 'iops_wr'), 0)
        a.qmp.send({'execute': 'block_set_io_throttle', 'arguments': {'iops': 100, **limits, **target}})
        return a.qmp.reply()

    def sentence(**target):
        return limit(**target)['error']['desc']
    outer = 'Device does not have a block device backend'
    assert sentence(id='vd') == outer and sentence(id='/machine/peripheral/vd') == outer
    assert sentence(id='nope') == "Device 'nope' not found" and sentence(device='f') == "Device 'f' not found"
    assert sentence(id='/machine') == '/machine is not a hotpluggable device'
    for name in ('/machine/peripheral/vd/virtio-backend', 'vd/virtio-backend', 'hd', '/machine/peripheral/hd'):
        assert limit(id=name) == {'return': {}}
    assert a.qmp.hmp('block_set_io_throttle vd 0 0 0 200 0 0') == f'Error: {outer}\r\n'
    assert a.qmp.hmp('block_set_io_throttle vd/virtio-backend 0 0 0 300 0 0') == ''
    assert {drive.get('qdev'): drive['inserted']['iops'] for drive in a.qmp.command('query-block') if 'inserted' in drive} == {
        '/machine/peripheral/vd/virtio-backend': 300, 'hd': 100}


def test_sentences_of_jobs(machine):
    a = machine('-blockdev', 'driver=qcow2,node-name=s,file.driver=file,file.filename=c.qcow2')
    for verb in ('pause', 'resume', 'cancel', 'complete'):
        assert answer(a, f'job-{verb}', id='nope') == 'Job not found'
    a.qmp.command('snapshot-save', job_id='j', tag='t', vmstate='s', devices=['s'])
    while a.qmp.wait_event('JOB_STATUS_CHANGE')['data']['status'] != 'concluded':
        pass
    assert [job['id'] for job in a.qmp.command('query-jobs')] == ['j']
    assert answer(a, 'job-resume', id='j') == "Can't resume a job that was not paused"
    assert answer(a, 'job-pause', id='j') == "Job 'j' in state 'concluded' cannot accept command verb 'pause'"


def bitmap(machine, command, node='s', **arguments):
    machine.qmp.send({'execute': command, 'arguments': {'node': node, **arguments}})
    reply = machine.qmp.reply()
    return reply['return'] if 'return' in reply else reply['error']['desc']


def test_the_digest_of_a_bitmap(start, tmp_path):
    disk = shutil.copy(vm.image('disk.img'), tmp_path / 'disk.img')
    machine = start(*HEADLESS[:4], '-S', '-drive', f'file={disk},format=raw,node-name=s', '-action', 'shutdown=pause')
    digest = 'x-debug-block-dirty-bitmap-sha256'
    assert bitmap(machine, 'block-dirty-bitmap-add', name='b', granularity=512) == {}
    empty = bitmap(machine, digest, name='b')['sha256']
    machine.qmp.command('cont')
    machine.serial.wait('boot sector ok')
    length = os.path.getsize(disk)
    words = bytearray((length // 512 + 63) // 64 * 8)
    assert empty == hashlib.sha256(words).hexdigest()
    words[0] = 5  # the guest writes sectors 0 and 2
    assert bitmap(machine, digest, name='b') == {'sha256': hashlib.sha256(words).hexdigest()}
    assert bitmap(machine, digest, name='none') == "Dirty bitmap 'none' not found"
    assert bitmap(machine, digest, node='none', name='b') == "Node 'none' not found"


def test_a_disk_with_bitmaps_keeps_its_state(machine):
    a = machine('-drive', 'driver=qcow2,node-name=s,file.driver=file,file.filename=c.qcow2,if=virtio,id=d')
    assert a.qmp.hmp('savevm one') == ''
    refusal = "Could not load snapshot 'one' on 'd': Device has active dirty bitmaps"
    for name, options in (('t', {}), ('p', {'persistent': True}), ('o', {'disabled': True})):
        assert bitmap(a, 'block-dirty-bitmap-add', name=name, **options) == {}
        assert a.qmp.hmp('loadvm one') == f'Error: {refusal}\r\n'
        a.qmp.command('snapshot-load', job_id='j', tag='one', vmstate='s', devices=['s'])
        while a.qmp.wait_event('JOB_STATUS_CHANGE')['data']['status'] != 'concluded':
            pass
        assert a.qmp.command('query-jobs')[0]['error'] == refusal
        a.qmp.command('job-dismiss', id='j')
        assert bitmap(a, 'block-dirty-bitmap-remove', name=name) == {}
    assert a.qmp.hmp('loadvm one') == ''


@pytest.mark.parametrize('cache, is_through', [('writeback', False), ('writethrough', True), ('directsync', True)])
def test_the_tool_writes_through(files, cache, is_through):
    with open('a.img', 'r+b') as file:
        for start in range(0, 16 << 20, 4 << 20):
            file.seek(start)
            file.write(os.urandom(1 << 20))
    done = subprocess.run(['strace', '-f', '-c', '-e', 'trace=fdatasync', *IMG, 'convert', '-t', cache, '-O', 'raw', 'a.img', 'b.img'],
                          capture_output=True, text=True)
    if 'ptrace' in done.stderr:
        pytest.skip('this system lets nobody trace')
    assert done.returncode == 0 and open('a.img', 'rb').read() == open('b.img', 'rb').read()
    count = sum(int(line.split()[3]) for line in done.stderr.splitlines() if line.endswith('fdatasync'))
    assert (count >= 4) == is_through


@pytest.mark.parametrize('path, sentence', [
    ('/machine/i440fx/pci.0', '{} is not a hotpluggable device'), ('/machine/unattached/device[3]/isa.0', '{} is not a hotpluggable device'),
    ('/machine/unattached/device[3]/isa.1', "Device '{}' not found"), ('vd/virtio-bus', '{} is not a hotpluggable device'),
    ('vd/virtio-backend', "Bus 'virtio-bus' does not support hotplugging"), ('hd', "Bus 'ide.0' does not support hotplugging"),
    ('/machine/peripheral/hd', "Bus 'ide.0' does not support hotplugging"), ('fl', "Bus 'floppy-bus.0' does not support hotplugging"),
    ('com', "Bus 'isa.0' does not support hotplugging")])
def test_what_cannot_be_taken_out(machine, path, sentence):
    a = machine('-drive', 'file=a.img,format=raw,if=none,id=d', '-device', 'ide-hd,drive=d,id=hd,bus=ide.0', '-device', 'isa-serial,id=com',
                '-device', 'floppy,id=fl', '-drive', 'file=b.img,format=raw,if=none,id=e', '-device', 'virtio-blk,drive=e,id=vd')
    assert answer(a, 'device_del', id=path) == sentence.format(path)
