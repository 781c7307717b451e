# SPDX-License-Identifier: Apache-2.0
"""`apus state`: what is in a state file, and how two differ."""
import gzip
import json
import os
import subprocess

import pytest
import vm

pytestmark = pytest.mark.apus

OPTIONS = ('-icount', 'shift=6,sleep=off', '-rtc', 'base=2026-01-01T00:00:00,clock=vm', '-nic', 'none', '-display', 'none', '-m', '16')


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    """SeaBIOS at three instants, and a file of version 1."""
    folder = tmp_path_factory.mktemp('state')
    program = os.environ.get('EXACT_RUN') or os.path.join(os.path.dirname(vm.emulator()), 'exact-run')
    for name, count in (('early', 1_000_000), ('late', 1_000_001), ('later', 4_000_000)):
        subprocess.run([program, str(count), f'save={folder}/{name}', '--', *OPTIONS], check=True, capture_output=True, timeout=60)
    fixture = os.path.join(vm.ROOT, 'Tests', 'Fixtures', 'machine-version-1.state.gz')
    (folder / 'old').write_bytes(gzip.open(fixture).read())
    return folder


def state(folder, *arguments, status=0, **options):
    done = subprocess.run([vm.emulator(), 'state', *arguments], cwd=folder, capture_output=True, text=True, timeout=60, **options)
    assert done.returncode == status, done
    if status == 2:
        assert done.stdout == '' and done.stderr.startswith('apus: state: ') and done.stderr.count('\n') == 1
        return done.stderr
    assert done.stderr == ''
    return done.stdout


def values(document, section):
    return {field['name']: field['value'] for part in document['sections'] if part['name'] == section for field in part['fields']}


def test_text(images):
    lines = state(images, 'early').splitlines()
    assert lines[0] == 'state file of version 2, memory placed'
    assert any(line.startswith('memory pc.ram: 16777216 bytes, ') for line in lines)
    assert 'section cpu, version 4' in lines
    assert any(line.split() == ['instruction_count', hex(1_000_000)] for line in lines)


def test_json(images):
    document = json.loads(state(images, '--json', 'early'))
    assert (document['version'], document['layout']) == (2, 'placed')
    assert [block['name'] for block in document['memory']] == ['pc.ram', 'vga.vram']
    assert 0 < document['memory'][0]['stored-pages'] < 4096
    cpu = values(document, 'cpu')
    assert cpu['instruction_count'] == 1_000_000 and cpu['cr0'] & 1 == 1
    assert values(document, 'machine')['icount_shift'] == 6


def test_standard_input_takes_a_stream(images):
    with open(images / 'early', 'rb') as file:
        assert state(images, '-', stdin=file) == state(images, 'early')


def test_older_version(images):
    document = json.loads(state(images, '--json', 'old'))
    assert document['version'] == 1
    assert values(document, 'cpu')['instruction_count'] == 6_600_000


def test_equal_files_do_not_differ(images):
    assert state(images, '--diff', 'early', 'early') == ''
    assert json.loads(state(images, '--diff', '--json', 'old', 'old')) == {'equal': True, 'shape': [], 'sections': [], 'memory': []}


def test_one_instruction_makes_a_difference(images):
    lines = state(images, '--diff', 'early', 'late', status=1).splitlines()
    assert f'section cpu: instruction_count: {hex(1_000_000)} | {hex(1_000_001)}' in lines
    assert f'section machine: clock: {hex(64_000_000)} | {hex(64_000_064)}' in lines
    assert any(line.startswith('section cpu: ip: ') for line in lines)


def test_a_byte_of_memory_is_found(images):
    document = json.loads(state(images, '--json', '--diff', 'early', 'later', status=1))
    assert not document['equal'] and document['shape'] == []
    ram = next(block for block in document['memory'] if block['name'] == 'pc.ram')
    assert ram['pages'] > 1 and ram['first'] != ram['second']


def test_other_machines_differ_in_their_parts(images):
    text = state(images, '--diff', 'early', 'old', status=1)
    assert 'memory: pc.ram of 16777216 bytes, vga.vram of 16777216 bytes | pc.ram of 16777216 bytes, vga.vram of 4194304 bytes\n' in text


def test_mistakes(images):
    assert state(images, 'nonesuch', status=2) == "apus: state: Could not open 'nonesuch': No such file or directory\n"
    assert 'give one file' in state(images, status=2)
    assert '--diff takes two files' in state(images, '--diff', 'early', status=2)
    assert "unknown option '--frob'" in state(images, '--frob', 'early', status=2)
    assert state(images, vm.image('power-off.img'), status=2).endswith('This is not a state file\n')
    with open(images / 'early', 'rb') as file:
        bytes_ = file.read()
    (images / 'short').write_bytes(bytes_[:-1])
    assert 'short: The state file ends inside memory' in state(images, 'short', status=2)
    (images / 'bad').write_bytes(bytes_[:5000] + bytes([bytes_[5000] ^ 1]) + bytes_[5001:])
    assert state(images, '--diff', 'early', 'bad', status=2) == 'apus: state: bad: The tables of the state file are damaged\n'


def test_help(images):
    text = state(images, '--help')
    assert text.startswith('usage: apus state ') and './state' in text


def test_a_disk_image_called_state_still_boots(tmp_path):
    (tmp_path / 'state').symlink_to(vm.image('power-off.img'))
    done = subprocess.run([vm.emulator(), './state', '-m', '32', '-nic', 'none', '-display', 'none', '-serial', 'stdio', '-snapshot'],
                          cwd=tmp_path, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 0 and b'GUEST power-off' in done.stdout
