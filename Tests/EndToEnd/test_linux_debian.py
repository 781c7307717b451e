# SPDX-License-Identifier: Apache-2.0
"""A Debian with systemd on an ext4 disk: boots to login, computes what the host computes, and leaves a clean file system."""
import json
import subprocess

import pytest
from linux import APPEND, PATIENCE, DebianShell, medium, wait_exit

#: dpkg -l prints this many lines before the packages.
DPKG_HEAD = 5


@pytest.fixture
def disk(tmp_path):
    """A copy of the root that a test may write."""
    subprocess.run(['cp', '--sparse=always', '--reflink=auto', medium('debian', 'root.img'), tmp_path / 'root.img'], check=True)
    return tmp_path / 'root.img'


@pytest.fixture
def answers():
    with open(medium('debian', 'answers.json')) as file:
        return json.load(file)


@pytest.mark.parametrize('name, interface', [('sda', 'ide'), pytest.param('vda', 'virtio', marks=pytest.mark.long)])
def test_debian_boots_to_login_computes_and_shuts_down_when_asked(start, disk, answers, name, interface):
    machine = start('-m', '512', '-kernel', medium('debian', 'vmlinuz'), '-initrd', medium('debian', 'initrd.gz'),
                    '-append', f'{APPEND} quiet root=/dev/{name}', '-drive', f'file={disk},format=raw,if={interface}')
    shell = DebianShell(machine)
    shell.multiply()
    assert int(shell.run('dpkg -l | wc -l')) == answers['packages'] + DPKG_HEAD
    assert shell.run('sha256sum random').split()[0] == answers['random']
    assert shell.run('xz -dc text.xz | sha256sum').split()[0] == answers['text']
    assert shell.run('systemctl --failed --no-legend --no-pager') == ''
    shell.wait_prompt()
    machine.qmp.command('system_powerdown')
    assert machine.qmp.wait_event('POWERDOWN', timeout=20)
    assert machine.qmp.wait_event('SHUTDOWN', timeout=PATIENCE)['data'] == {'guest': True, 'reason': 'guest-shutdown'}
    assert wait_exit(machine) == 0
    checked = subprocess.run(['e2fsck', '-fn', disk], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
