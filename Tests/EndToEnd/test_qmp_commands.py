# SPDX-License-Identifier: Apache-2.0
"""Every command, through the client library that QEMU itself publishes (qemu.qmp), in both socket directions."""
import asyncio
import os
import time

import pytest
import vm
from qemu.qmp import ExecuteError, QMPClient

NAME, UUID = 'guest-one', '12345678-1234-1234-1234-123456789abc'


def shape(value):
    """The form of an answer without its values: members, and what they are."""
    if isinstance(value, dict):
        return {key: shape(member) for key, member in value.items()}
    if isinstance(value, list):
        forms = [shape(member) for member in value]
        return [form for n, form in enumerate(forms) if form not in forms[:n]]
    return type(value).__name__


def converse(program, directory, server, steps):
    """Runs `steps(client, ask)` on a machine that stands at the idle guest, over a connection made in the given direction."""
    path = os.path.join(directory, 'library')

    async def session():
        client = QMPClient('test')
        arguments = ['-m', '32', '-name', NAME, '-uuid', UUID, '-drive', f'file={vm.image("idle.img")},format=raw,snapshot=on']
        if server:
            arguments += ['-qmp', f'unix:{path},server=on,wait=off']
        else:
            await client.start_server(path)
            arguments += ['-qmp', f'unix:{path}']
        machine = vm.Machine(arguments, program=program, qmp=False)
        try:
            if server:
                for _ in range(500):
                    if os.path.exists(path):
                        break
                    await asyncio.sleep(0.01)
                await client.connect(path)
            else:
                await asyncio.wait_for(client.accept(), 30)
            await asyncio.get_running_loop().run_in_executor(None, machine.serial.wait, 'GUEST idle\r\n')

            async def ask(name, **arguments):
                arguments = {key.replace('_', '-'): value for key, value in arguments.items()}
                return await asyncio.wait_for(client.execute(name, arguments or None), 30)
            result = await steps(client, ask, machine)
            try:
                await client.disconnect()
            except EOFError:  # the emulator has already ended
                pass
            return result
        finally:
            machine.close()
    return asyncio.run(session())


QUERIES = ['query-version', 'query-status', 'query-name', 'query-uuid', 'query-cpus-fast', 'query-kvm', 'query-pci',
           'query-chardev']


@pytest.mark.parametrize('server', [True, False], ids=['emulator listens', 'emulator dials'])
def test_every_command(tmp_path, server, reference):
    async def steps(client, ask, machine):
        names = {command['name'] for command in await ask('query-commands')}
        expected = set('''qmp_capabilities query-version query-commands query-status query-name query-uuid query-cpus-fast
            query-kvm query-pci query-block query-chardev stop cont system_reset system_powerdown quit memsave pmemsave
            screendump send-key inject-nmi human-monitor-command'''.split())
        assert expected <= names
        assert (await ask('query-status'))['status'] == 'running'
        assert await ask('query-name') == {'name': NAME}
        assert await ask('query-uuid') == {'UUID': UUID}
        assert (await ask('query-version'))['qemu']['major'] == 7
        assert (await ask('query-kvm'))['enabled'] is False
        cpus = await ask('query-cpus-fast')
        assert [cpu['cpu-index'] for cpu in cpus] == [0] and cpus[0]['target'] == 'x86_64'
        assert [device['id']['vendor'] for device in (await ask('query-pci'))[0]['devices']] == [0x8086] * 4 + [0x1234]
        disks = {disk['device']: disk for disk in await ask('query-block')}
        assert disks['ide0-hd0']['inserted']['ro'] is False and 'inserted' not in disks['ide1-cd0']
        assert 'test-serial' in [chardev['label'] for chardev in await ask('query-chardev')]
        assert await ask('stop') == {} and (await ask('query-status'))['status'] == 'paused'
        assert await ask('cont') == {} and (await ask('query-status'))['status'] == 'running'
        for name in ('pmemsave', 'memsave'):
            file = tmp_path / name
            assert await ask(name, val=0x7c00, size=512, filename=str(file)) == {}
            assert file.read_bytes() == open(vm.image('idle.img'), 'rb').read(512)
        for form, magic in (('ppm', b'P6\n720 400\n255\n'), ('png', b'\x89PNG\r\n\x1a\n')):
            file = tmp_path / form
            assert await ask('screendump', filename=str(file), format=form) == {}
            assert file.read_bytes().startswith(magic)
        assert await ask('send-key', keys=[{'type': 'qcode', 'data': 'a'}], hold_time=10) == {}
        assert await ask('inject-nmi') == {}
        assert await ask('human-monitor-command', command_line='info status') == 'VM status: running\r\n'
        if not reference:  # old spellings that QEMU has dropped since
            assert (await ask('query-cpus'))[0]['CPU'] == 0
            assert await ask('cpu', index=0) == {}
        assert await ask('system_powerdown') == {}
        with pytest.raises(ExecuteError) as refused:
            await ask('pmemsave', val=0, filename='/dev/null')
        assert str(refused.value) == "Parameter 'size' is missing"
        assert await ask('system_reset') == {}
        await asyncio.get_running_loop().run_in_executor(None, lambda: machine.serial.wait('GUEST idle\r\n', start=len('GUEST idle\r\n')))
        assert await ask('quit') == {}
        await asyncio.get_running_loop().run_in_executor(None, machine.wait_exit)
        assert machine.process.returncode == 0
    converse(vm.emulator(), str(tmp_path), server, steps)


def test_answers_have_the_references_form(tmp_path):
    async def steps(client, ask, machine):
        return {name: await ask(name) for name in QUERIES}
    answers = [converse(program, str(tmp_path / name), True, steps)
               for name, program in (('ours', vm.emulator()), ('theirs', vm.REFERENCE)) if not (tmp_path / name).mkdir()]
    for name in QUERIES:
        assert shape(answers[0][name]) == shape(answers[1][name]), name
    assert answers[0]['query-pci'] == answers[1]['query-pci']


def test_memory_is_saved_whole_while_the_guest_runs(guest, tmp_path):
    machine = guest('busy')
    start = time.monotonic()
    machine.qmp.command('pmemsave', val=0, size=32 << 20, filename=str(tmp_path / 'ram'))
    assert os.path.getsize(tmp_path / 'ram') == 32 << 20
    assert time.monotonic() - start < 5
    counter = int.from_bytes(machine.memory(0x500, 4), 'little')
    time.sleep(0.3)
    assert int.from_bytes(machine.memory(0x500, 4), 'little') > counter


@pytest.mark.apus
def test_sizes_that_cannot_be_saved_are_refused(guest):
    qmp = guest('idle').qmp
    for arguments in ({'val': 0, 'size': -1}, {'val': -1, 'size': 16}, {'val': 1 << 63, 'size': 1 << 62}):
        with pytest.raises(vm.QMPError):
            qmp.command('pmemsave', filename='/nonexistent/x', **arguments)
    assert qmp.command('query-status')['running']


def test_no_file_is_left_when_a_screendump_fails(start, tmp_path):
    qmp = start('-nodefaults', '-vga', 'none', serial=False).qmp
    with pytest.raises(vm.QMPError, match='There is no console to take a screendump from'):
        qmp.command('screendump', filename=str(tmp_path / 'x.ppm'))
    assert os.listdir(tmp_path) == []


@pytest.mark.apus
def test_a_fifo_without_a_reader_stalls_only_its_own_command(start, tmp_path):
    os.mkfifo(tmp_path / 'fifo')
    machine = start('-qmp', f'unix:{tmp_path}/second,server=on,wait=off', serial=False)
    second = vm.QMP.connect(f'{tmp_path}/second')
    machine.qmp.send({'execute': 'pmemsave', 'arguments': {'val': 0, 'size': 1 << 20, 'filename': str(tmp_path / 'fifo')}})
    for _ in range(20):
        assert second.command('query-status', timeout=2)['running']
    second.command('quit', timeout=5)
    assert machine.wait_exit(5) == 0


def test_keys_that_wait_are_typed_after_a_reset(start):
    """A queue of keys is the user's, not the machine's: a reset leaves it alone."""
    machine = start('-m', '32', '-drive', f'file={vm.image("demo.img")},format=raw,snapshot=on')
    machine.serial.wait('screen text\r\n', 60)
    machine.qmp.command('send-key', **{'keys': [{'type': 'qcode', 'data': 'shift'}], 'hold-time': 4000})
    for key in ('b', 'ret'):
        machine.qmp.command('send-key', **{'keys': [{'type': 'qcode', 'data': key}], 'hold-time': 100})
    machine.serial.data.clear()
    machine.qmp.command('system_reset')
    machine.serial.wait('echo b\r\n', 60)
    assert b'APUS-DEMO hello' in machine.serial.data
