# SPDX-License-Identifier: Apache-2.0
"""Disks through the monitors: queries, trays and media, nodes, sizes, limits, snapshots."""
import json
import re
import subprocess

import pytest
import vm


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder of small images, which is the current one."""
    for name, size in (('a.img', 1), ('b.img', 2), ('base.img', 1)):
        with open(tmp_path / name, 'wb') as file:
            file.truncate(size << 20)
    monkeypatch.chdir(tmp_path)
    for name in ('c.qcow2', 's1.qcow2', 's2.qcow2', 's3.qcow2'):
        subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', name, '1M'], check=True)
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', 'base.img', '-F', 'raw', 'd.qcow2'], check=True)
    return tmp_path


@pytest.fixture
def machine(start, files):
    def run(*arguments):
        return start('-S', '-nodefaults', *arguments, serial=False)
    return run


MEDIA = ['-drive', 'file=a.img,format=raw,if=none,id=x', '-device', 'ide-hd,drive=x,id=dev0,bus=ide.0', '-drive', 'if=none,id=cd',
         '-device', 'ide-cd,drive=cd,id=cdid,bus=ide.1', '-drive', 'if=floppy,index=0', '-drive', 'if=none,id=un,file=c.qcow2']


def tell(machine, command, arguments):
    """The events of a command and its result, or its error as text."""
    machine.qmp.events.clear()
    machine.qmp.send({'execute': command, 'arguments': arguments})
    message = machine.qmp.reply()
    result = message['return'] if 'return' in message else '{class}: {desc}'.format(**message['error'])
    return [(event['event'], event['data']) for event in machine.qmp.events], result


def moved(*positions):
    return [('DEVICE_TRAY_MOVED', {'device': 'cd', 'id': 'cdid', 'tray-open': position}) for position in positions]


NOT_FOUND = "DeviceNotFound: Device 'nope' not found"
NOT_REMOVABLE = "GenericError: Device '{}' is not removable"
BOTH = "GenericError: Need exactly one of 'device' and 'id'"
STORY = [
    ('blockdev-open-tray', {'device': 'nope'}, [], NOT_FOUND),
    ('blockdev-open-tray', {'id': 'nope'}, [], NOT_FOUND),
    ('blockdev-open-tray', {}, [], BOTH),
    ('blockdev-open-tray', {'device': 'x', 'id': 'dev0'}, [], BOTH),
    ('blockdev-open-tray', {'device': 'x'}, [], NOT_REMOVABLE.format('x')),
    ('blockdev-open-tray', {'id': 'dev0'}, [], NOT_REMOVABLE.format('dev0')),
    ('blockdev-open-tray', {'device': 'cd'}, moved(True), {}),
    ('blockdev-open-tray', {'device': 'cd'}, [], {}),
    ('blockdev-close-tray', {'device': 'cd'}, moved(False), {}),
    ('blockdev-close-tray', {'id': 'cdid'}, [], {}),
    ('blockdev-close-tray', {'device': 'x'}, [], NOT_REMOVABLE.format('x')),
    ('blockdev-remove-medium', {'id': 'cdid'}, [], "GenericError: Tray of device 'cdid' is not open"),
    ('blockdev-remove-medium', {'id': 'dev0'}, [], NOT_REMOVABLE.format('dev0')),
    ('blockdev-remove-medium', {}, [], "GenericError: Parameter 'id' is missing"),
    ('blockdev-open-tray', {'id': 'cdid'}, moved(True), {}),
    ('blockdev-remove-medium', {'id': 'cdid'}, [], {}),
    ('blockdev-insert-medium', {'id': 'cdid', 'node-name': 'nope'}, [], "GenericError: Node 'nope' not found"),
    ('blockdev-add', {'driver': 'raw', 'node-name': 'n1', 'read-only': True, 'file': {'driver': 'file', 'filename': 'b.img'}}, [], {}),
    ('blockdev-insert-medium', {'id': 'cdid', 'node-name': 'n1'}, [], {}),
    ('blockdev-insert-medium', {'id': 'cdid', 'node-name': 'n1'}, [], "GenericError: Node 'n1' is already in use"),
    ('blockdev-close-tray', {'id': 'cdid'}, moved(False), {}),
    ('blockdev-del', {'node-name': 'n1'}, [], 'GenericError: Node n1 is in use'),
    ('eject', {'id': 'cdid'}, moved(True), {}),
    ('eject', {'device': 'x'}, [], NOT_REMOVABLE.format('x')),
    ('eject', {'device': 'nope'}, [], NOT_FOUND),
    ('eject', {}, [], BOTH),
    ('blockdev-del', {'node-name': 'n1'}, [], {}),
    ('blockdev-del', {'node-name': 'n1'}, [], "GenericError: Failed to find node with node-name='n1'"),
    ('blockdev-change-medium', {'id': 'cdid', 'filename': 'nope'}, [], "GenericError: Could not open 'nope': No such file or directory"),
    ('blockdev-change-medium', {'id': 'cdid', 'filename': 'b.img', 'format': 'raw', 'read-only-mode': 'read-only'}, moved(False), {}),
    ('blockdev-change-medium', {'id': 'cdid', 'filename': 'b.img', 'format': 'zzz'}, [], "GenericError: Unknown driver 'zzz'"),
    ('blockdev-change-medium', {'id': 'cdid', 'filename': 'b.img', 'format': 'raw', 'read-only-mode': 'foo'}, [],
     "GenericError: Parameter 'read-only-mode' does not accept value 'foo'"),
    ('blockdev-change-medium', {'id': 'cdid', 'filename': 'b.img', 'format': 'raw'}, moved(True, False), {}),
    ('blockdev-change-medium', {'filename': 'b.img'}, [], BOTH),
    ('blockdev-change-medium', {'id': 'cdid', 'filename': 'c.qcow2', 'read-only-mode': 'read-write'}, [],
     'GenericError: Failed to get "write" lock'),
    ('blockdev-open-tray', {'device': 'floppy0'}, [], {}),
    ('eject', {'device': 'floppy0'}, [], {}),
    ('blockdev-change-medium', {'device': 'un', 'filename': 'base.img', 'format': 'raw'}, [], {}),
    ('eject', {'device': 'un'}, [], {}),
]


def test_trays_and_media(machine):
    machine = machine(*MEDIA)
    for command, arguments, events, result in STORY:
        assert tell(machine, command, arguments) == (events, result), (command, arguments)


@pytest.mark.apus
def test_old_names_of_commands(machine):
    machine = machine(*MEDIA)
    story = [
        ('change', {'device': 'cd', 'target': 'b.img', 'arg': 'raw'}, moved(True, False), {}),
        ('x-blockdev-remove-medium', {'device': 'cd'}, [], "GenericError: Tray of device 'cd' is not open"),
        ('blockdev-open-tray', {'device': 'cd'}, moved(True), {}),
        ('x-blockdev-remove-medium', {'device': 'cd'}, [], {}),
        ('blockdev-add', {'driver': 'raw', 'node-name': 'n1', 'file': {'driver': 'file', 'filename': 'b.img'}}, [], {}),
        ('x-blockdev-insert-medium', {'id': 'cdid', 'node-name': 'n1'}, [], {}),
        ('x-blockdev-remove-medium', {'id': 'cdid'}, [], {}),
        ('x-blockdev-del', {'node-name': 'n1'}, [], {}),
        ('change', {'device': 'vnc', 'target': 'password'}, [], 'GenericError: VNC is not supported: there is no display to change'),
    ]
    for command, arguments, events, result in story:
        assert tell(machine, command, arguments) == (events, result), (command, arguments)


def test_the_human_monitor_changes_media(machine):
    machine = machine(*MEDIA)
    assert machine.qmp.hmp('change cd b.img raw read-only') == ''
    assert 'b.img (raw, read-only)\r\n    Attached to:      cdid\r\n' in machine.qmp.hmp('info block cd')
    assert machine.qmp.hmp('eject cd') == ''
    assert machine.qmp.hmp('info block cd') == (
        '\r\ncd: [not inserted]\r\n    Attached to:      cdid\r\n    Removable device: not locked, tray open\r\n')
    assert machine.qmp.hmp('eject nope') == "Error: Device 'nope' not found\r\n"
    assert machine.qmp.hmp('eject') == 'eject: block device name expected\r\nTry "help eject" for more information\r\n'
    assert machine.qmp.hmp('change cd b.img raw foo') == 'Error: invalid parameter value: foo\r\n'
    assert machine.qmp.hmp('change cd') == 'change: filename expected\r\nTry "help change" for more information\r\n'
    assert machine.qmp.hmp('help eject') == 'eject [-f] device -- eject a removable medium (use -f to force it)\r\n'


GRAPH = ['-drive', 'file=a.img,format=raw,if=none,id=x,node-name=nx', '-device', 'ide-hd,drive=x,id=dev0,bus=ide.0',
         '-blockdev', 'driver=file,node-name=f,filename=d.qcow2', '-blockdev', 'driver=qcow2,node-name=q,file=f,read-only=on',
         '-device', 'ide-cd,drive=q,bus=ide.1,id=cdid', '-drive', 'if=ide,media=cdrom,index=3',
         '-blockdev', 'driver=raw,node-name=w,offset=512,size=1024,file.driver=file,file.filename=b.img,file.node-name=wf']
RAW = {'virtual-size': 1048576, 'filename': 'a.img', 'format': 'raw', 'actual-size': 0, 'dirty-flag': False}
LIMITS = {'bps': 0, 'bps_rd': 0, 'bps_wr': 0, 'iops': 0, 'iops_rd': 0, 'iops_wr': 0}
NODE = {**LIMITS, 'detect_zeroes': 'off', 'ro': False, 'backing_file_depth': 0, 'write_threshold': 0, 'encrypted': False,
        'cache': {'no-flush': False, 'direct': False, 'writeback': True}}


def without_sizes(value):
    """Storage of an image depends on the host; the names of unnamed devices on what else there is."""
    if isinstance(value, dict):
        return {key: without_sizes(item) for key, item in value.items() if key not in ('actual-size', 'qdev')}
    return [without_sizes(item) for item in value] if isinstance(value, list) else value


def test_query_block(machine):
    drives = machine(*GRAPH).qmp.command('query-block')
    assert drives[0] == {'device': 'x', 'qdev': 'dev0', 'type': 'unknown', 'removable': False, 'locked': False, 'io-status': 'ok',
                         'inserted': {**NODE, 'image': RAW, 'node-name': 'nx', 'drv': 'raw', 'file': 'a.img'}}
    cd = next(drive for drive in drives if drive.get('qdev') == 'cdid')
    info = {'compat': '1.1', 'compression-type': 'zlib', 'lazy-refcounts': False, 'refcount-bits': 16, 'corrupt': False,
            'extended-l2': False}
    assert without_sizes(cd) == without_sizes({
        'device': '', 'type': 'unknown', 'removable': True, 'locked': False, 'tray_open': False, 'io-status': 'ok',
        'inserted': {**NODE, 'ro': True, 'node-name': 'q', 'drv': 'qcow2', 'file': 'd.qcow2', 'backing_file_depth': 1,
                     'backing_file': 'base.img',
                     'image': {'backing-image': {**RAW, 'filename': 'base.img'}, 'backing-filename': 'base.img',
                               'backing-filename-format': 'raw', 'full-backing-filename': 'base.img', 'virtual-size': 1048576,
                               'filename': 'd.qcow2', 'cluster-size': 65536, 'format': 'qcow2', 'dirty-flag': False,
                               'format-specific': {'type': 'qcow2', 'data': info}}}})
    assert without_sizes(next(drive for drive in drives if drive['device'] == 'ide1-cd1')) == {
        'device': 'ide1-cd1', 'type': 'unknown', 'removable': True, 'locked': False, 'tray_open': False, 'io-status': 'ok'}


def test_query_named_block_nodes(machine):
    machine = machine(*GRAPH)
    nodes = machine.qmp.command('query-named-block-nodes')
    named = {node['node-name']: node for node in nodes if not node['node-name'].startswith('#')}
    assert {name: (node['drv'], node['ro'], node['file']) for name, node in named.items()} == {
        'nx': ('raw', False, 'a.img'), 'f': ('file', False, 'd.qcow2'), 'q': ('qcow2', True, 'd.qcow2'), 'wf': ('file', False, 'b.img'),
        'w': ('raw', False, named['w']['file'])}
    assert json.loads(named['w']['file'].removeprefix('json:')) == {
        'driver': 'raw', 'offset': 512, 'size': 1024, 'file': {'driver': 'file', 'filename': 'b.img'}}
    unnamed = [node for node in nodes if node['node-name'].startswith('#')]
    assert sorted((node['drv'], node['file'], node['ro']) for node in unnamed) == [
        ('file', 'a.img', False), ('file', 'base.img', True), ('raw', 'base.img', True)]
    assert all(re.fullmatch(r'#block\d{3,}', node['node-name']) for node in unnamed)
    flat = machine.qmp.command('query-named-block-nodes', flat=True)
    assert all('backing-image' not in node['image'] and node['backing_file_depth'] == 0 for node in flat)


def test_info_block(machine):
    machine = machine('-blockdev', 'driver=file,node-name=f,filename=d.qcow2', '-blockdev', 'driver=qcow2,node-name=q,file=f',
                      '-device', 'ide-hd,drive=q,id=dev')
    text = ('q: d.qcow2 (qcow2)\r\n    Attached to:      dev\r\n    Cache mode:       writeback\r\n'
            '    Backing file:     base.img (chain depth: 1)\r\n')
    assert machine.qmp.hmp('info block') == text
    details = re.sub(r'disk size: .*', 'disk size: N', machine.qmp.hmp('info block -v').replace('\r', ''))
    assert details == text.replace('\r', '') + (
        '\nImages:\nimage: d.qcow2\nfile format: qcow2\nvirtual size: 1 MiB (1048576 bytes)\ndisk size: N\ncluster_size: 65536\n'
        'backing file: base.img\nbacking file format: raw\nFormat specific information:\n    compat: 1.1\n    compression type: zlib\n'
        '    lazy refcounts: false\n    refcount bits: 16\n    corrupt: false\n    extended l2: false\n'
        'image: base.img\nfile format: raw\nvirtual size: 1 MiB (1048576 bytes)\ndisk size: N\n')
    nodes = re.sub(r'#block\d+', '#', machine.qmp.hmp('info block -n').replace('\r', ''))
    assert nodes == ('#: base.img (raw, read-only)\n    Cache mode:       writeback\n\n#: base.img (file, read-only)\n'
                     '    Cache mode:       writeback\n\nq: d.qcow2 (qcow2)\n    Cache mode:       writeback\n'
                     '    Backing file:     base.img (chain depth: 1)\n\nf: d.qcow2 (file)\n    Cache mode:       writeback\n')
    assert machine.qmp.hmp('info block nope') == ''
    assert machine.qmp.hmp('info blockstats').startswith(': rd_bytes=0 wr_bytes=0 rd_operations=')


def test_query_blockstats(machine):
    machine = machine(*GRAPH)
    drives = machine.qmp.command('query-blockstats')
    drive = drives[0]
    assert (drive['device'], drive['qdev'], drive['node-name']) == ('x', 'dev0', 'nx')
    assert drive['parent']['driver-specific'] == {'driver': 'file', 'discard-nb-ok': 0, 'discard-nb-failed': 0, 'discard-bytes-ok': 0}
    assert set(drive['stats']) - {'idle_time_ns'} == {
        'rd_bytes', 'wr_bytes', 'unmap_bytes', 'rd_operations', 'wr_operations', 'flush_operations', 'unmap_operations',
        'rd_total_time_ns', 'wr_total_time_ns', 'flush_total_time_ns', 'unmap_total_time_ns', 'wr_highest_offset', 'rd_merged',
        'wr_merged', 'unmap_merged', 'failed_rd_operations', 'failed_wr_operations', 'failed_flush_operations',
        'failed_unmap_operations', 'invalid_rd_operations', 'invalid_wr_operations', 'invalid_flush_operations',
        'invalid_unmap_operations', 'account_invalid', 'account_failed', 'timed_stats'}
    cd = next(drive for drive in drives if drive.get('qdev') == 'cdid')
    assert cd['parent']['node-name'] == 'f' and cd['backing']['parent']['driver-specific']['driver'] == 'file'
    assert {'f', 'q', 'nx'} <= {node['node-name'] for node in machine.qmp.command('query-blockstats', query_nodes=True)}


def test_a_guest_is_counted(start):
    machine = start('-m', '32', '-drive', f'file={vm.image("disk.img")},format=raw,snapshot=on,id=d', '-no-shutdown')
    machine.serial.wait('boot sector ok\r\n')
    stats = next(drive for drive in machine.qmp.command('query-blockstats') if drive['device'] == 'd')['stats']
    assert stats['wr_bytes'] == 1024 and stats['wr_operations'] == 2 and stats['wr_highest_offset'] == 1536
    assert stats['rd_bytes'] >= 1024 and stats['rd_operations'] >= 2


def test_blockdev_add_is_strict(machine):
    machine = machine('-drive', 'file=a.img,format=raw,if=none,id=x,node-name=n1')
    missing = 'GenericError: '
    for arguments, result in [
        ({'driver': 'file', 'node-name': 'n1', 'filename': 'b.img'}, "Duplicate nodes with node-name='n1'"),
        ({'driver': 'file', 'node-name': 'x', 'filename': 'b.img'}, 'node-name=x is conflicting with a device id'),
        ({'driver': 'file', 'node-name': 'nn', 'filename': 'nope'}, "Could not open 'nope': No such file or directory"),
        ({'driver': 'file', 'filename': 'nope'}, "'node-name' must be specified for the root node"),
        ({'driver': 'raw', 'node-name': 'nn', 'file': 'nope'}, "Cannot find device='nope' nor node-name='nope'"),
        ({'driver': 'zz', 'node-name': 'nn', 'file': 'nope'}, "Parameter 'driver' does not accept value 'zz'"),
        ({'driver': 'raw', 'node-name': 'nn', 'file': 'n1', 'bogus': 1}, "Parameter 'bogus' is unexpected"),
        ({'node-name': 'nn', 'file': 'n1'}, "Parameter 'driver' is missing"),
        ({'driver': 'qcow2', 'node-name': 'nn', 'file': {'driver': 'file', 'filename': 'b.img'}}, 'Image is not in qcow2 format'),
    ]:
        assert tell(machine, 'blockdev-add', arguments) == ([], missing + result), arguments
    assert tell(machine, 'blockdev-add', {'driver': 'raw', 'node-name': 'nn', 'file': 'n1'}) == ([], {})
    assert tell(machine, 'blockdev-del', {'node-name': 'n1'})[1].startswith('GenericError: Node n1 is ')
    # What is refused leaves nothing behind.
    assert [node['node-name'] for node in machine.qmp.command('query-named-block-nodes') if node['node-name'][0] != '#'] == ['nn', 'n1']


def test_a_deleted_node_lets_its_file_go(machine, files):
    machine = machine()
    node = {'driver': 'qcow2', 'node-name': 'q', 'file': {'driver': 'file', 'filename': 'c.qcow2'}}
    machine.qmp.command('blockdev-add', **node)
    assert subprocess.run(['qemu-img', 'info', 'c.qcow2'], capture_output=True).returncode == 1
    machine.qmp.command('blockdev-del', node_name='q')
    assert subprocess.run(['qemu-img', 'info', 'c.qcow2'], capture_output=True).returncode == 0
    machine.qmp.command('blockdev-add', **node)


def test_block_resize(machine, files):
    machine = machine('-drive', 'file=a.img,format=raw,if=none,id=x,node-name=n1', '-device', 'ide-hd,drive=x', '-drive', 'if=none,id=cd')
    nothing = "GenericError: Cannot find device='{}' nor node-name='{}'"
    for arguments, result in [
        ({'device': 'x', 'size': 2 << 20}, {}), ({'device': 'x', 'size': (2 << 20) + 1}, {}),
        ({'device': 'x', 'size': -5}, "GenericError: Parameter 'size' expects a >0 size"),
        ({'device': 'nope', 'size': 5}, nothing.format('nope', '')), ({'node-name': 'nope', 'size': 512}, nothing.format('', 'nope')),
        ({'size': 512}, nothing.format('', '')), ({'device': 'cd', 'size': 512}, "GenericError: Device 'cd' has no medium"),
        ({'node-name': 'n1', 'size': 1 << 20}, {}),
    ]:
        assert tell(machine, 'block_resize', arguments) == ([], result), arguments
    assert machine.qmp.hmp('block_resize x 3') == '' and (files / 'a.img').stat().st_size == 3 << 20
    assert machine.qmp.hmp('block_resize x 1025k') == '' and (files / 'a.img').stat().st_size == 1025 << 10
    assert machine.qmp.hmp('block_resize x') == 'invalid size\r\nTry "help block_resize" for more information\r\n'
    assert machine.qmp.command('query-block')[0]['inserted']['image']['virtual-size'] == 1025 << 10


def test_limits(machine):
    machine = machine('-drive', 'file=a.img,format=raw,if=none,id=x', '-device', 'ide-hd,drive=x,id=dev0', '-drive', 'if=none,id=cd')

    def limit(**changes):
        return tell(machine, 'block_set_io_throttle', {**LIMITS, **changes})[1]

    def shown():
        inserted = machine.qmp.command('query-block')[0]['inserted']
        return {key: value for key, value in inserted.items() if key.startswith(('bps', 'iops', 'group')) and value}
    assert limit(device='x', bps=1000000) == {} and shown() == {'bps': 1000000, 'group': 'x'}
    assert machine.qmp.hmp('info block x').endswith(
        '    I/O throttling:   bps=1000000 bps_rd=0 bps_wr=0 bps_max=0 bps_rd_max=0 bps_wr_max=0 iops=0 iops_rd=0 iops_wr=0 iops_max=0 '
        'iops_rd_max=0 iops_wr_max=0 iops_size=0 group=x\r\n')
    clash = 'GenericError: bps/iops/max total values and read/write values cannot be used at the same time'
    assert limit(device='x', bps=1000000, bps_rd=5) == clash
    assert limit(device='x', bps_max=8000000) == 'GenericError: bps_max/iops_max require corresponding bps/iops values'
    assert limit(device='x', bps=-1) == 'GenericError: bps/iops/max values must be within [0, 1000000000000000]'
    assert limit(device='cd', bps=5) == 'GenericError: Device has no medium'
    assert limit(id='dev0', bps_rd=100, iops_wr=7, group='g1', iops_wr_max=70, iops_wr_max_length=3, iops_size=4096) == {}
    assert shown() == {'bps_rd': 100, 'iops_wr': 7, 'group': 'g1', 'iops_size': 4096, 'iops_wr_max': 70, 'iops_wr_max_length': 3}
    assert limit(id='dev0') == {} and shown() == {}
    assert machine.qmp.hmp('block_set_io_throttle x 0 1 2 3 4 5') == clash.replace('GenericError', 'Error') + '\r\n'
    assert machine.qmp.hmp('block_set_io_throttle x 0 1 2 0 4 5') == ''
    assert shown() == {'bps_rd': 1, 'bps_wr': 2, 'iops_rd': 4, 'iops_wr': 5, 'group': 'x'}


def test_a_write_beyond_the_threshold_is_told_once(start):
    machine = start('-S', '-m', '32', '-drive', f'file={vm.image("disk.img")},format=raw,snapshot=on,node-name=n')
    nodes = [node['node-name'] for node in machine.qmp.command('query-named-block-nodes') if node['drv'] == 'qcow2']
    assert tell(machine, 'block-set-write-threshold', {'node-name': 'nope', 'write-threshold': 5})[1] == (
        "GenericError: Device 'nope' not found")
    machine.qmp.command('block-set-write-threshold', node_name=nodes[0], write_threshold=1100)
    assert machine.qmp.command('query-block')[0]['inserted']['write_threshold'] == 1100
    machine.qmp.command('cont')
    event = machine.qmp.wait_event('BLOCK_WRITE_THRESHOLD')
    assert event['data'] == {'node-name': nodes[0], 'amount-exceeded': 436, 'write-threshold': 1100}


def test_bitmaps(machine):
    machine = machine('-drive', 'file=a.img,format=raw,if=none,id=x,node-name=n')

    def bitmaps():
        inserted = machine.qmp.command('query-block')[0]['inserted']
        return [(bitmap['name'], bitmap['granularity'], bitmap['recording'], bitmap['count']) for bitmap in inserted.get('dirty-bitmaps', [])]
    granularity = 'GenericError: Granularity must be power of 2 and at least 512'
    for command, arguments, result in [
        ('add', {'node': 'n', 'name': 'bm'}, {}), ('add', {'node': 'n', 'name': 'bm'}, 'GenericError: Bitmap already exists: bm'),
        ('add', {'node': 'nope', 'name': 'bm'}, "GenericError: Cannot find device='nope' nor node-name='nope'"),
        ('add', {'node': 'n', 'name': ''}, 'GenericError: Bitmap name cannot be empty'),
        ('add', {'node': 'n', 'name': 'b2', 'granularity': 1000}, granularity), ('add', {'node': 'n', 'name': 'b2', 'granularity': 256}, granularity),
        ('add', {'node': 'x', 'name': 'b2', 'granularity': 4096, 'disabled': True}, {}),
        ('clear', {'node': 'n', 'name': 'zz'}, "GenericError: Dirty bitmap 'zz' not found"), ('clear', {'node': 'n', 'name': 'bm'}, {}),
    ]:
        assert tell(machine, f'block-dirty-bitmap-{command}', arguments) == ([], result), arguments
    assert sorted(bitmaps()) == [('b2', 4096, False, 0), ('bm', 65536, True, 0)]
    assert tell(machine, 'block-dirty-bitmap-remove', {'node': 'n', 'name': 'b2'}) == ([], {})
    assert bitmaps() == [('bm', 65536, True, 0)]


SNAPSHOTS = ['-drive', 'file=s1.qcow2,if=none,id=x', '-device', 'ide-hd,drive=x,bus=ide.0', '-drive', 'if=none,id=cd', '-blockdev',
             'driver=qcow2,node-name=q2,file.driver=file,file.filename=s2.qcow2', '-device', 'ide-hd,drive=q2,bus=ide.1']


def chain(machine, index):
    """Files of a drive, the upper ones first."""
    image, names = machine.qmp.command('query-block')[index]['inserted']['image'], []
    while image:
        names.append(image['filename'])
        image = image.get('backing-image')
    return names


def test_snapshots(machine, files):
    machine = machine(*SNAPSHOTS)
    nothing = "GenericError: Cannot find device='{}' nor node-name='{}'"
    sync, missing = 'blockdev-snapshot-sync', 'Could not {} \'{}\': No such file or directory'
    for arguments, result in [
        ({'device': 'x', 'snapshot-file': 'n1.qcow2'}, {}),
        ({'device': 'x', 'snapshot-file': 'n1.qcow2'}, 'GenericError: Error: Trying to create an image with the same filename as the backing file'),
        ({'device': 'nope', 'snapshot-file': 'n2.qcow2'}, nothing.format('nope', '')),
        ({'snapshot-file': 'n2.qcow2'}, nothing.format('', '')), ({'node-name': 'nope', 'snapshot-file': 'n2.qcow2'}, nothing.format('', 'nope')),
        ({'node-name': 'q2', 'snapshot-file': 'n2.qcow2'}, 'GenericError: New overlay node-name missing'),
        ({'node-name': 'q2', 'snapshot-file': 'n2.qcow2', 'snapshot-node-name': 'q2'}, 'GenericError: New overlay node-name already in use'),
        ({'node-name': 'q2', 'snapshot-file': 'n2.qcow2', 'snapshot-node-name': 'q3'}, {}),
        ({'device': 'cd', 'snapshot-file': 'n3.qcow2'}, "GenericError: Device 'cd' has no medium"),
        ({'device': 'x', 'snapshot-file': 'n3.qcow2', 'format': 'raw'}, "GenericError: Backing file not supported for file format 'raw'"),
        ({'device': 'x', 'snapshot-file': 'n3.qcow2', 'format': 'zzz'}, "GenericError: Unknown file format 'zzz'"),
        ({'device': 'x', 'snapshot-file': '/nope/n'}, 'GenericError: ' + missing.format('create', '/nope/n')),
        ({'device': 'x', 'snapshot-file': 'n3x', 'mode': 'existing'}, 'GenericError: ' + missing.format('open', 'n3x')),
        ({'device': 'x', 'snapshot-file': 'n', 'mode': 'zz'}, "GenericError: Parameter 'mode' does not accept value 'zz'"),
    ]:
        assert tell(machine, sync, arguments) == ([], result), arguments
    assert chain(machine, 0) == ['n1.qcow2', 's1.qcow2'] and chain(machine, 2) == ['n2.qcow2', 's2.qcow2']
    add = {'driver': 'qcow2', 'node-name': 'ovn', 'backing': None, 'file': {'driver': 'file', 'filename': 's3.qcow2'}}
    machine.qmp.command('blockdev-add', **add)
    machine.qmp.command('blockdev-add', driver='raw', node_name='rr', file={'driver': 'file', 'filename': 'b.img'})
    for node, overlay, result in [
        ('q3', 'nope', nothing.format('nope', 'nope')), ('nope', 'ovn', nothing.format('nope', 'nope')), ('q3', 'ovn', {}),
        ('ovn', 'ovn', 'GenericError: The overlay is already in use'), ('ovn', 'q3', 'GenericError: The overlay is already in use'),
        ('ovn', 'rr', 'GenericError: The overlay does not support backing images'),
    ]:
        assert tell(machine, 'blockdev-snapshot', {'node': node, 'overlay': overlay}) == ([], result), (node, overlay)
    assert chain(machine, 2)[1:] == ['n2.qcow2', 's2.qcow2']
    machine.qmp.command('quit')
    assert machine.wait_exit() == 0
    for name in ('s1', 'n1', 's2', 'n2'):
        assert subprocess.run(['qemu-img', 'check', '-q', f'{name}.qcow2']).returncode == 0
    info = json.loads(subprocess.run(['qemu-img', 'info', '--output=json', 'n1.qcow2'], capture_output=True, check=True).stdout)
    assert (info['backing-filename'], info['backing-filename-format']) == ('s1.qcow2', 'qcow2')


def test_a_transaction_is_all_or_nothing(machine, files):
    machine = machine(*SNAPSHOTS)

    def action(kind, **data):
        return {'type': kind, 'data': {key.replace('_', '-'): value for key, value in data.items()}}

    def run(*actions):
        return tell(machine, 'transaction', {'actions': list(actions)})
    good = action('blockdev-snapshot-sync', device='x', snapshot_file='t1.qcow2')
    bad = action('blockdev-snapshot-sync', device='nope', snapshot_file='t2.qcow2')
    assert run() == ([], {})
    assert run({'type': 'zz', 'data': {}}) == ([], "GenericError: Parameter 'type' does not accept value 'zz'")
    assert run({'type': 'abort'}) == ([], "GenericError: Parameter 'actions[0].data' is missing")
    assert run(action('abort')) == ([], 'GenericError: Transaction aborted using Abort action')
    assert run(good, bad) == ([], "GenericError: Cannot find device='nope' nor node-name=''")
    assert chain(machine, 0) == ['s1.qcow2']
    assert run(action('block-dirty-bitmap-add', node='x', name='bm'), action('abort'))[1].startswith('GenericError: Transaction aborted')
    assert 'dirty-bitmaps' not in machine.qmp.command('query-block')[0]['inserted']
    both = action('blockdev-snapshot-sync', node_name='q2', snapshot_file='t3.qcow2', snapshot_node_name='t3')
    assert run(action('blockdev-snapshot-sync', device='x', snapshot_file='t4.qcow2'), both) == ([], {})
    assert chain(machine, 0) == ['t4.qcow2', 's1.qcow2'] and chain(machine, 2) == ['t3.qcow2', 's2.qcow2']


def test_internal_snapshots(machine, files):
    machine = machine(*SNAPSHOTS, '-drive', 'file=a.img,format=raw,if=none,id=r')
    make, delete = 'blockdev-snapshot-internal-sync', 'blockdev-snapshot-delete-internal-sync'
    for command, arguments, result in [
        (make, {'device': 'x', 'name': 's1'}, {}), (make, {'device': 'x', 'name': 's1'},
                                                    "GenericError: Snapshot with name 's1' already exists on device 'x'"),
        (make, {'device': 'x', 'name': ''}, 'GenericError: Name is empty'),
        (make, {'device': 'nope', 'name': 's'}, "GenericError: Cannot find device='nope' nor node-name='nope'"),
        (make, {'device': 'r', 'name': 's'}, "GenericError: Block format 'raw' used by device 'r' does not support internal snapshots"),
        (make, {'device': 'cd', 'name': 's'}, "GenericError: Device 'cd' has no medium"),
        (delete, {'device': 'x'}, 'GenericError: Name or id must be provided'),
        (delete, {'device': 'x', 'name': 'zz'}, "GenericError: Snapshot with id 'null' and name 'zz' does not exist on device 'x'"),
        (delete, {'device': 'x', 'id': '1', 'name': 'zz'}, "GenericError: Snapshot with id '1' and name 'zz' does not exist on device 'x'"),
    ]:
        assert tell(machine, command, arguments) == ([], result), arguments
    shown = machine.qmp.command('query-block')[0]['inserted']['image']['snapshots']
    assert [(snapshot['id'], snapshot['name'], snapshot['vm-state-size']) for snapshot in shown] == [('1', 's1', 0)]
    assert tell(machine, delete, {'device': 'x', 'name': 's1'}) == ([], shown[0])
    assert 'snapshots' not in machine.qmp.command('query-block')[0]['inserted']['image']


def test_change_backing_file(machine, files):
    machine = machine('-drive', 'file=d.qcow2,if=none,id=x,node-name=n', '-device', 'ide-hd,drive=x', '-drive', 'file=a.img,format=raw,if=none,id=r,node-name=r1')
    none = 'GenericError: not allowing backing file change on an image without a backing file'
    for device, node, result in [('x', 'nope', "GenericError: Cannot find device='' nor node-name='nope'"),
                                 ('nope', 'n', "GenericError: Cannot find device='nope' nor node-name='nope'"), ('x', 'r1', none), ('x', 'n', {})]:
        arguments = {'device': device, 'image-node-name': node, 'backing-file': 'other.img'}
        assert tell(machine, 'change-backing-file', arguments) == ([], result), arguments
    machine.qmp.command('quit')
    assert machine.wait_exit() == 0
    info = json.loads(subprocess.run(['qemu-img', 'info', '-U', '--output=json', 'd.qcow2'], capture_output=True, check=True).stdout)
    assert info['backing-filename'] == 'other.img'
