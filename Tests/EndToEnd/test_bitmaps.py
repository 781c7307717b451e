# SPDX-License-Identifier: Apache-2.0
"""Persistent dirty bitmaps through their lives: made by the tool or a machine, marked by a guest, kept, merged, lost in a crash."""
import json
import subprocess

import pytest
import vm

DISK = '-no-shutdown', '-drive', 'file=d.qcow2,if=none,id=d', '-device', 'ide-hd,drive=d,bus=ide.0'


@pytest.fixture
def disk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    subprocess.run(['qemu-img', 'convert', '-O', 'qcow2', vm.image('disk.img'), 'd.qcow2'], check=True)
    subprocess.run(['qemu-img', 'bitmap', '--add', '-g', '65536', 'd.qcow2', 'tool'], check=True)
    return tmp_path / 'd.qcow2'


def bitmaps(machine):
    drive = next(drive for drive in machine.qmp.command('query-block') if drive['device'] == 'd')
    return [(bitmap['name'], bitmap['count'], bitmap['recording'], bitmap['persistent'], bitmap.get('inconsistent', False))
            for bitmap in drive['inserted'].get('dirty-bitmaps', [])]


def stored():
    """What the reference's tool says of the bitmaps on disk."""
    info = json.loads(subprocess.run(['qemu-img', 'info', '-U', '--output=json', 'd.qcow2'], check=True, capture_output=True).stdout)
    return {bitmap['name']: bitmap['flags'] for bitmap in info['format-specific']['data'].get('bitmaps', [])}


def call(machine, command, **arguments):
    machine.qmp.send({'execute': f'block-dirty-bitmap-{command}', 'arguments': {'node': 'd', **arguments}})
    reply = machine.qmp.reply()
    if 'error' in reply:
        raise vm.QMPError(reply['error'])
    return reply['return']


def refusal(machine, command, **arguments):
    with pytest.raises(vm.QMPError) as refused:
        call(machine, command, **arguments)
    return refused.value.description


def finish(machine):
    machine.qmp.command('quit')
    assert machine.process.wait(20) == 0


def test_a_life_of_bitmaps(start, disk):
    machine = start('-m', '32', *DISK, '-S')
    assert bitmaps(machine) == [('tool', 0, True, True, False)]
    call(machine, 'add', name='mine', persistent=True, granularity=131072)
    call(machine, 'add', name='asleep', persistent=True, disabled=True)
    call(machine, 'add', name='passing')
    assert refusal(machine, 'add', name='tool') == 'Bitmap already exists: tool'
    machine.qmp.command('cont')
    machine.serial.wait('write ok\r\n')
    machine.qmp.command('stop')
    assert bitmaps(machine) == [('passing', 65536, True, False, False), ('asleep', 0, False, True, False), ('mine', 131072, True, True, False),
                                ('tool', 65536, True, True, False)]
    assert stored() == {'tool': ['in-use', 'auto']}
    call(machine, 'merge', target='asleep', bitmaps=['passing', {'node': 'd', 'name': 'mine'}])
    call(machine, 'disable', name='tool')
    call(machine, 'enable', name='asleep')
    assert refusal(machine, 'merge', target='asleep', bitmaps=['tool', 'none']) == "Dirty bitmap 'none' not found"
    assert refusal(machine, 'clear', name='none') == "Dirty bitmap 'none' not found"
    call(machine, 'clear', name='mine')
    finish(machine)
    assert stored() == {'tool': [], 'mine': ['auto'], 'asleep': ['auto']}
    subprocess.run(['qemu-img', 'check', '-q', 'd.qcow2'], check=True)
    # The reference reads what was kept, and so do we what it keeps.
    for program in (vm.REFERENCE, None):
        machine = start('-m', '32', *DISK, '-S', program=program)
        assert sorted(bitmaps(machine)) == [('asleep', 131072, True, True, False), ('mine', 0, True, True, False),
                                            ('tool', 65536, False, True, False)]
        finish(machine)
    machine = start('-m', '32', *DISK, '-S')
    call(machine, 'remove', name='tool')
    call(machine, 'remove', name='asleep')
    finish(machine)
    assert stored() == {'mine': ['auto']}
    subprocess.run(['qemu-img', 'check', '-q', 'd.qcow2'], check=True)


def test_a_crash_leaves_bitmaps_that_nobody_trusts(start, disk):
    machine = start('-m', '32', *DISK)
    machine.serial.wait('write ok\r\n')
    machine.process.kill()
    machine.process.wait()
    assert stored() == {'tool': ['in-use', 'auto']}
    machine = start('-m', '32', *DISK, '-S')
    assert [bitmap[0] for bitmap in bitmaps(machine)] == ['tool'] and bitmaps(machine)[0][4]
    for command, arguments in (('clear', {'name': 'tool'}), ('enable', {'name': 'tool'}), ('disable', {'name': 'tool'})):
        assert refusal(machine, command, **arguments) == "Bitmap 'tool' is inconsistent and cannot be used"
    call(machine, 'remove', name='tool')
    assert bitmaps(machine) == []
    finish(machine)
    assert stored() == {}
    subprocess.run(['qemu-img', 'check', '-q', 'd.qcow2'], check=True)


def test_transactions_change_all_bitmaps_or_none(start, disk):
    machine = start('-m', '32', *DISK, '-S')

    def transaction(*actions, mistake=None):
        body = {'actions': [{'type': kind if kind == 'abort' else f'block-dirty-bitmap-{kind}', 'data': data} for kind, data in actions]}
        if mistake is None:
            return machine.qmp.command('transaction', **body)
        with pytest.raises(vm.QMPError) as refused:
            machine.qmp.command('transaction', **body)
        assert refused.value.description == mistake

    def of(name, **more):
        return {'node': 'd', 'name': name, **more}
    machine.qmp.command('cont')
    machine.serial.wait('write ok\r\n')
    machine.qmp.command('stop')
    before = bitmaps(machine)
    transaction(('add', of('new', persistent=True)), ('merge', {'node': 'd', 'target': 'new', 'bitmaps': ['tool']}), ('disable', of('tool')),
                ('clear', of('tool')), ('remove', of('tool')), ('abort', {}), mistake='Transaction aborted using Abort action')
    assert bitmaps(machine) == before
    transaction(('clear', of('tool')), ('disable', of('tool')), ('remove', of('tool')), ('clear', of('none')),
                mistake="Dirty bitmap 'none' not found")
    assert bitmaps(machine) == before
    transaction(('add', of('new', persistent=True)), ('merge', {'node': 'd', 'target': 'new', 'bitmaps': ['tool']}), ('clear', of('tool')),
                ('disable', of('new')))
    assert bitmaps(machine) == [('new', 65536, False, True, False), ('tool', 0, True, True, False)]
    finish(machine)
    assert stored() == {'tool': ['auto'], 'new': []}


def test_images_that_keep_no_bitmaps(start, disk):
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-o', 'compat=0.10', 'old.qcow2', '1M'], check=True)
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'raw', 'a.raw', '1M'], check=True)
    machine = start('-S', '-drive', 'file=old.qcow2,if=none,id=d', '-drive', 'file=a.raw,format=raw,if=none,id=r',
                    '-blockdev', 'driver=qcow2,node-name=ro,read-only=on,file.driver=file,file.filename=d.qcow2', serial=False)
    assert refusal(machine, 'add', name='b', persistent=True) == \
        "Can't make bitmap 'b' persistent in 'd': Cannot store dirty bitmaps in qcow2 v2 files"
    assert refusal(machine, 'add', node='r', name='b', persistent=True) == "Can't store persistent bitmaps to r: Operation not supported"
    assert refusal(machine, 'clear', node='ro', name='tool') == "Bitmap 'tool' is readonly and cannot be modified"
    assert refusal(machine, 'remove', node='none', name='tool') == "Node 'none' not found"
