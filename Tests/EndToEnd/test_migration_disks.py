# SPDX-License-Identifier: Apache-2.0
"""Two machines with the same writable image on one host: the receiver takes it over when the machine arrives."""
import subprocess

import pytest
import vm
from migration import migrated, run_state, wait_state

LOCKED = 'Failed to get "write" lock'


@pytest.fixture(params=['raw', 'qcow2', 'qcow2,lazy'])
def image(request, tmp_path):
    """The options of a disk that is written to."""
    kind, *lazy = request.param.split(',')
    settings = ['-o', 'lazy_refcounts=on'] if lazy else []
    subprocess.run(['qemu-img', 'create', '-q', '-f', kind, *settings, tmp_path / 'disk', '8M'], check=True)
    return ('-m', '32', '-nic', 'none', '-drive', f'file={vm.image("idle.img")},format=raw,snapshot=on',
            '-drive', f'file={tmp_path}/disk,format={kind}')


def io(tmp_path, image, *commands):
    """What a third process with the same image is told."""
    kind = image[-1].rpartition('=')[2]
    done = subprocess.run(['qemu-io', '-f', kind, *(part for command in commands for part in ('-c', command)), tmp_path / 'disk'],
                          capture_output=True, text=True)
    return done.stdout + done.stderr


def end(machine):
    machine.qmp.command('quit')
    machine.process.wait(20)


@pytest.mark.parametrize('kind', ['unix', 'exec'])
def test_the_receiver_takes_the_disks_over(start, tmp_path, image, kind):
    source = start(*image)
    if kind == 'exec':
        assert migrated(source, f'exec:cat > {tmp_path}/state')['status'] == 'completed'
        target = start(*image, '-incoming', f'exec:cat {tmp_path}/state')
    else:
        target = start(*image, '-incoming', f'unix:{tmp_path}/socket')
        assert LOCKED in io(tmp_path, image, 'write 0 512')
        assert migrated(source, f'unix:{tmp_path}/socket')['status'] == 'completed'
    wait_state(target, 'running')
    assert LOCKED in io(tmp_path, image, 'write 0 512')
    with pytest.raises(vm.QMPError) as error:
        source.qmp.command('cont')
    assert error.value.description == LOCKED and run_state(source) == 'postmigrate'
    end(target)
    assert 'wrote 65536/65536' in io(tmp_path, image, 'write -P 5 1M 64k')
    source.qmp.command('cont')
    assert run_state(source) == 'running' and LOCKED in io(tmp_path, image, 'write 0 512')
    end(source)
    if 'qcow2' in image[-1]:
        assert subprocess.run(['qemu-img', 'check', '-q', tmp_path / 'disk']).returncode == 0


@pytest.mark.parametrize('command', ['exit 3', pytest.param('cat > /dev/null; exit 7', marks=pytest.mark.apus)])
def test_a_migration_that_fails_keeps_the_disks(start, tmp_path, image, command):
    source = start(*image)
    assert migrated(source, f'exec:{command}')['status'] == 'failed'
    wait_state(source, 'running')
    assert LOCKED in io(tmp_path, image, 'write 0 512')


# With raw images the reference forgives writers that leave room for others.
@pytest.mark.parametrize('image', ['qcow2', 'qcow2,lazy'], indirect=True)
def test_a_receiver_without_its_disks_stays_stopped(start, tmp_path, image):
    source = start(*image)
    assert migrated(source, f'exec:cat > {tmp_path}/state')['status'] == 'completed'
    end(source)
    kind = image[-1].rpartition('=')[2]
    holder = subprocess.Popen(['qemu-io', '-f', kind, tmp_path / 'disk'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    holder.stdin.write(b'length\n')
    holder.stdin.flush()
    while b'8' not in holder.stdout.readline():
        pass
    target = start(*image, '-incoming', f'exec:cat {tmp_path}/state')
    wait_state(target, 'paused')
    with pytest.raises(vm.QMPError) as error:
        target.qmp.command('cont')
    assert error.value.description == LOCKED
    holder.communicate(b'quit\n')
    target.qmp.command('cont')
    assert run_state(target) == 'running'
