# SPDX-License-Identifier: Apache-2.0
"""savevm and its relatives: whole machines inside of their disks' images, with QEMU's words and order of events."""
import os
import re
import subprocess
import time

import pytest
import vm
from migration import counter, run_state, take_events, wait_state


@pytest.fixture
def machine(start, tmp_path):
    """A guest on a qcow2 disk, with a second one beside it."""
    def run(name='serial-echo', *arguments):
        if not (tmp_path / 'a.qcow2').exists():
            subprocess.run(['qemu-img', 'convert', '-O', 'qcow2', vm.image(f'{name}.img'), tmp_path / 'a.qcow2'], check=True)
            subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', tmp_path / 'b.qcow2', '8M'], check=True)
        return start('-m', '32', '-nic', 'none', *(part for letter in 'ab' for part in (
            '-drive', f'file={tmp_path}/{letter}.qcow2,format=qcow2,if=ide,node-name=n{letter}')), *arguments)
    return run


def echo(machine, text):
    machine.serial.send(text.encode())
    machine.serial.wait(text.upper())


def tags(text):
    return re.findall(r'(?m)^\S+ +(\S+) +[0-9.]+ (?:B|KiB|MiB) ', text)


def clean(tmp_path):
    for letter in 'ab':
        assert subprocess.run(['qemu-img', 'check', '-q', tmp_path / f'{letter}.qcow2']).returncode == 0


def end(machine):
    machine.qmp.command('quit')
    machine.process.wait(20)


def test_a_machine_goes_back(machine, tmp_path):
    first = machine('serial-echo')
    echo(first, 'early')
    hmp = first.qmp.hmp
    assert hmp('info snapshots') == 'There is no snapshot available.\r\n'
    take_events(first)
    assert hmp('savevm one') == ''
    assert take_events(first) == [('STOP',), ('RESUME',)]
    before = first.memory(0, 1 << 20)
    echo(first, 'late')
    assert hmp('savevm two') == '' and hmp('savevm two') == ''
    assert tags(hmp('info snapshots')) == ['one', 'two']
    take_events(first)
    assert hmp('loadvm one') == ''
    assert take_events(first) == [('STOP',), ('RESUME',)]
    assert run_state(first) == 'running'
    echo(first, 'again')
    first.qmp.command('stop')
    assert hmp('loadvm one') == '' and run_state(first) == 'paused'
    assert first.memory(0, 1 << 20) == before
    first.qmp.command('cont')
    assert hmp('delvm two') == '' and hmp('delvm two') == ''
    assert tags(hmp('info snapshots')) == ['one']
    end(first)
    clean(tmp_path)
    listed = subprocess.run(['qemu-img', 'snapshot', '-l', tmp_path / 'b.qcow2'], capture_output=True, text=True).stdout
    assert tags(listed) == ['one']
    second = machine('serial-echo', '-loadvm', 'one')
    echo(second, 'elsewhere')
    assert run_state(second) == 'running'


def test_what_is_refused(machine, start, run, prefix, tmp_path):
    first = machine('idle')
    hmp = first.qmp.hmp
    take_events(first)
    assert hmp('loadvm nope') == "Error: Snapshot 'nope' does not exist in one or more devices\r\n"
    assert run_state(first) == 'restore-vm' and take_events(first) == [('STOP',)]
    first.qmp.command('cont')
    assert hmp('delvm nope') == ''
    assert hmp('delvm') == 'delvm: string expected\r\nTry "help delvm" for more information\r\n'
    end(first)
    subprocess.run(['qemu-img', 'snapshot', '-c', 'disk', tmp_path / 'a.qcow2'], check=True)
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'raw', tmp_path / 'r', '1M'], check=True)
    second = start('-m', '32', '-nic', 'none', '-drive', f'file={tmp_path}/a.qcow2,format=qcow2', '-drive', f'file={tmp_path}/r,format=raw')
    for command in ('savevm x', 'loadvm disk', 'delvm disk'):
        assert second.qmp.hmp(command) == "Error: Device 'ide0-hd1' is writable but does not support snapshots\r\n"
    assert second.qmp.hmp('info snapshots').startswith(
        "List of snapshots present on all disks:\r\nNone\r\n\r\nList of partial (non-loadable) snapshots on 'ide0-hd0':\r\nID ")
    end(second)
    third = start('-m', '32', '-nic', 'none', '-drive', f'file={tmp_path}/a.qcow2,format=qcow2')
    assert third.qmp.hmp('loadvm disk') == 'Error: This is a disk-only snapshot. Revert to it  offline using qemu-img\r\n'
    end(third)
    fourth = start('-m', '32', '-nic', 'none')
    for command in ('savevm x', 'loadvm x'):
        assert fourth.qmp.hmp(command) == 'Error: no block device can store vmstate for snapshot\r\n'
    done = run('-display', 'none', '-m', '32', '-nic', 'none', '-drive', f'file={tmp_path}/a.qcow2,format=qcow2', '-loadvm', 'x')
    assert done.returncode == 1
    assert done.stderr.decode().endswith(f"{prefix} Snapshot 'x' does not exist in one or more devices\n")


DISKS = {'vmstate': 'na', 'devices': ['na', 'nb']}


def job(machine, command, name, **arguments):
    """Runs a job to its end; gives its events and what is said of it then, and dismisses it."""
    take_events(machine)
    machine.qmp.command(command, **{'job-id': name, **arguments})
    at_reply = take_events(machine)
    deadline = time.monotonic() + 20
    while machine.qmp.command('query-jobs')[0]['status'] != 'concluded':
        assert time.monotonic() < deadline
        time.sleep(0.01)
    answer, = machine.qmp.command('query-jobs')
    after = take_events(machine)
    machine.qmp.command('job-dismiss', id=name)
    assert take_events(machine) == [('JOB_STATUS_CHANGE', 'null', name)] and machine.qmp.command('query-jobs') == []
    return [event[1] if event[0] == 'JOB_STATUS_CHANGE' else event[0] for event in at_reply], \
        [event[1] for event in after], answer


def test_jobs(machine, tmp_path):
    guest = machine('serial-echo')
    echo(guest, 'x')
    done = (['created', 'running', 'STOP', 'RESUME'], ['waiting', 'pending', 'concluded'])
    *events, answer = job(guest, 'snapshot-save', 'j1', tag='s', **DISKS)
    assert tuple(events) == done
    assert answer == {'id': 'j1', 'type': 'snapshot-save', 'status': 'concluded', 'current-progress': 1, 'total-progress': 1}
    echo(guest, 'y')
    *events, answer = job(guest, 'snapshot-load', 'j2', tag='s', **DISKS)
    assert tuple(events) == done and answer['type'] == 'snapshot-load'
    echo(guest, 'z')
    for command, arguments, sentence in (
            ('snapshot-save', {'tag': 's', **DISKS}, "Snapshot 's' already exists in one or more devices"),
            ('snapshot-save', {'tag': 't', **DISKS, 'vmstate': 'nn'}, "vmstate block device 'nn' does not exist"),
            ('snapshot-save', {'tag': 't', 'vmstate': 'na', 'devices': []}, 'At least one device is required for snapshot'),
            ('snapshot-save', {'tag': 't', 'vmstate': 'na', 'devices': ['na', 'q']}, "No block device node 'q'"),
            ('snapshot-delete', {'tag': 't', 'devices': ['q']}, "No block device node 'q'")):
        *events, answer = job(guest, command, 'j3', **arguments)
        assert events == [['created', 'running'], ['aborting', 'concluded']] and answer['error'] == sentence
    *events, answer = job(guest, 'snapshot-delete', 'j4', tag='s', devices=['na', 'nb'])
    assert events == [['created', 'running'], ['waiting', 'pending', 'concluded']]
    *events, answer = job(guest, 'snapshot-load', 'j5', tag='s', **DISKS)
    assert events == [['created', 'running', 'STOP'], ['aborting', 'concluded']] and run_state(guest) == 'restore-vm'
    for name in ('', 'a b', '1a', 'ä'):
        with pytest.raises(vm.QMPError) as error:
            guest.qmp.command('snapshot-delete', **{'job-id': name, 'tag': 's', 'devices': ['na']})
        assert error.value.description == f"Invalid job ID '{name}'"
    guest.qmp.command('snapshot-delete', **{'job-id': 'k', 'tag': 's', 'devices': ['na']})
    for verb in ('cancel', 'pause', 'complete', 'finalize'):
        with pytest.raises(vm.QMPError) as error:
            guest.qmp.command(f'job-{verb}', id='k')
        assert error.value.description == f"Job 'k' in state 'concluded' cannot accept command verb '{verb}'"
    with pytest.raises(vm.QMPError, match='Job not found'):
        guest.qmp.command('job-dismiss', id='l')
    end(guest)
    clean(tmp_path)


@pytest.mark.apus
def test_a_full_disk_leaves_the_machine_running_and_no_snapshot(start, tmp_path):
    small = tmp_path / 'small'
    small.mkdir()
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=3M', 'tmpfs', small], check=True)
    try:
        subprocess.run(['qemu-img', 'convert', '-O', 'qcow2', vm.image('busy.img'), small / 'a.qcow2'], check=True)
        guest = start('-m', '32', '-drive', f'file={small}/a.qcow2,format=qcow2')
        guest.serial.wait('GUEST busy\r\n')
        assert guest.qmp.hmp('savevm one') == ''
        room = os.statvfs(small)
        (small / 'ballast').write_bytes(bytes(room.f_bavail * room.f_bsize - (128 << 10)))
        assert guest.qmp.hmp('savevm two').startswith('Error: ')
        before = counter(guest)
        wait_state(guest, 'running')
        deadline = time.monotonic() + 10
        while counter(guest) == before:
            assert time.monotonic() < deadline
        assert tags(guest.qmp.hmp('info snapshots')) == ['one']
        (small / 'ballast').unlink()
        assert guest.qmp.hmp('savevm two') == '' and guest.qmp.hmp('loadvm two') == ''
        end(guest)
        assert subprocess.run(['qemu-img', 'check', '-q', small / 'a.qcow2']).returncode == 0
    finally:
        subprocess.run(['umount', '-l', small], check=True)


def test_snapshots_of_one_disk_in_the_human_monitor(machine, tmp_path):
    guest = machine('idle')
    hmp = guest.qmp.hmp
    overlay = tmp_path / 'over.qcow2'
    for line, answer in (
            ('snapshot_blkdev', 'snapshot_blkdev: block device name expected\r\nTry "help snapshot_blkdev" for more information\r\n'),
            ('snapshot_blkdev ide0-hd1', "Error: Parameter 'snapshot-file' is missing\r\n"),
            (f'snapshot_blkdev x {overlay}', "Error: Cannot find device='x' nor node-name=''\r\n"),
            (f'snapshot_blkdev ide0-hd1 {overlay}', ''),
            ('snapshot_blkdev_internal ide0-hd1 s', ''),
            ('snapshot_blkdev_internal ide0-hd1 s', "Error: Snapshot with name 's' already exists on device 'ide0-hd1'\r\n"),
            ('snapshot_delete_blkdev_internal ide0-hd1 s 9',
             "Error: Snapshot with id '9' and name 's' does not exist on device 'ide0-hd1'\r\n"),
            ('snapshot_delete_blkdev_internal ide0-hd1 s', ''),
            ('snapshot_delete_blkdev_internal ide0-hd1 s',
             "Error: Snapshot with id 'null' and name 's' does not exist on device 'ide0-hd1'\r\n")):
        assert hmp(line) == answer, line
    end(guest)
    assert subprocess.run(['qemu-img', 'check', '-q', overlay]).returncode == 0
    clean(tmp_path)


@pytest.mark.parametrize('option', [('snapshot=on',), ('', '-snapshot')])
def test_a_temporary_layer_takes_snapshots_and_leaves_no_trace(start, run, prefix, tmp_path, monkeypatch, option):
    folder = tmp_path / 'temporary'
    folder.mkdir()
    monkeypatch.setenv('TMPDIR', str(folder))
    disk = tmp_path / 'a.qcow2'
    subprocess.run(['qemu-img', 'convert', '-O', 'qcow2', vm.image('serial-echo.img'), disk], check=True)
    subprocess.run(['qemu-img', 'snapshot', '-c', 'below', disk], check=True)
    before = disk.read_bytes()
    arguments = ('-m', '32', '-nic', 'none', '-drive', f'file={disk},format=qcow2,{option[0]}'.rstrip(','), *option[1:])
    guest = start(*arguments)
    hmp = guest.qmp.hmp
    assert list(folder.iterdir()) == []
    echo(guest, 'early')
    assert hmp('info snapshots') == 'There is no snapshot available.\r\n'
    assert hmp('savevm one') == '' and tags(hmp('info snapshots')) == ['one']
    memory = guest.memory(0, 1 << 20)
    echo(guest, 'late')
    guest.qmp.command('stop')
    assert hmp('loadvm one') == '' and guest.memory(0, 1 << 20) == memory
    guest.qmp.command('cont')
    echo(guest, 'again')
    assert 'Snapshot list:\r\n' in hmp('info block -v')
    node, = (node for node in guest.qmp.command('query-named-block-nodes') if node['drv'] == 'file' and not node['ro'])
    assert os.path.dirname(node['file']) == str(folder) and node['cache']['no-flush']
    assert hmp('delvm one') == '' and hmp('info snapshots') == 'There is no snapshot available.\r\n'
    end(guest)
    assert disk.read_bytes() == before and list(folder.iterdir()) == []
    done = run('-display', 'none', *arguments, '-loadvm', 'below')
    assert done.returncode == 1 and done.stderr.decode().endswith(f"{prefix} Snapshot 'below' does not exist in one or more devices\n")
    monkeypatch.setenv('TMPDIR', str(tmp_path / 'none'))
    done = run('-display', 'none', *arguments)
    assert done.returncode == 1
    assert re.search(r"Could not open temporary file '.*/none/vl\.\w{6}': No such file or directory\n$", done.stderr.decode())


@pytest.mark.apus
def test_a_save_is_cancelled_while_it_runs(start, tmp_path):
    """The reference finishes a save before it hears of anything else. Here memory full of noise takes a while to write."""
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', tmp_path / 'a.qcow2', '8M'], check=True)
    (tmp_path / 'noise').write_bytes(os.urandom(1 << 20) * 400)
    guest = start('-S', '-m', '512', '-nodefaults', '-drive', f'file={tmp_path}/a.qcow2,format=qcow2,node-name=na', '-kernel',
                  vm.image('linux/amd64/vmlinuz'), '-initrd', tmp_path / 'noise', '-qmp', f'unix:{tmp_path}/second,server=on,wait=off',
                  serial=False)
    other = vm.QMP(vm.connect_unix(f'{tmp_path}/second'))
    guest.qmp.command('cont')
    take_events(guest)
    guest.qmp.send({'execute': 'snapshot-save', 'arguments': {'job-id': 'j', 'tag': 's', 'vmstate': 'na', 'devices': ['na']}})
    deadline = time.monotonic() + 10
    while not other.command('query-jobs'):
        assert time.monotonic() < deadline
    other.command('job-cancel', id='j')
    guest.qmp.reply()
    while other.command('query-jobs')[0]['status'] != 'concluded':
        assert time.monotonic() < deadline
    answer, = other.command('query-jobs')
    assert answer['error'] == 'Operation canceled'
    guest.qmp.command('query-status')
    states = [event[1] if event[0] == 'JOB_STATUS_CHANGE' else event[0] for event in take_events(guest)]
    assert states == ['created', 'running', 'STOP', 'RESUME', 'aborting', 'concluded']
    assert run_state(guest) == 'running' and guest.qmp.hmp('info snapshots') == 'There is no snapshot available.\r\n'
    end(guest)
    assert subprocess.run(['qemu-img', 'check', '-q', tmp_path / 'a.qcow2']).returncode == 0
