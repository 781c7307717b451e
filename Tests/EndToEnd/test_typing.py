# SPDX-License-Identifier: Apache-2.0
"""Typed text arrives whole, however slow the guest is, and an error tells how far it came."""
import pytest
import vm

TEXT = 'The quick brown fox, jumps over 13 {lazy} dogs & more'


def type_text(machine, text, **arguments):
    machine.qmp.send({'execute': '__org.apus_type', 'arguments': {'text': text, **arguments}})
    reply = machine.qmp.reply()
    if 'error' in reply:
        raise vm.QMPError(reply['error'])
    return reply['return']


@pytest.mark.apus
@pytest.mark.parametrize('options', [(), ('-icount', 'shift=6,sleep=off')])
def test_a_program_that_takes_keys_slowly(guest, options):
    """The BIOS would drop what finds its ring of 15 keys full."""
    machine = guest('slow-reader', *options)
    start = len(machine.serial.data)
    assert type_text(machine, TEXT)['keys'] == len(TEXT)
    machine.serial.wait(TEXT)
    assert machine.serial.data[start:].decode() == TEXT


@pytest.mark.apus
def test_notations(guest):
    machine = guest('slow-reader', '-icount', 'shift=6,sleep=off')
    start = len(machine.serial.data)
    assert type_text(machine, 'a<leftShiftOn>bc<leftShiftOff><wait>d<spacebar>', notation='packer')['keys'] == 7
    assert type_text(machine, 'e shift-f ret', notation='openqa')['keys'] == 3
    assert type_text(machine, '<f1>\t')['keys'] == 5
    machine.serial.wait('\t', start=start)
    assert machine.serial.data[start:].decode() == 'aBCd eF\r<f1>\t'


@pytest.mark.apus
@pytest.mark.parametrize('arguments, sentence', [
    ({'text': 'a\u00df'}, "The US keyboard has no key for 'ß' (U+00DF), character 2 of the text"),
    ({'text': 'ls<entre>', 'notation': 'packer'}, "There is no key '<entre>', character 3 of the text"),
    ({'text': 'ctrl-alt-f99', 'notation': 'openqa'}, "There is no key 'ctrl-alt-f99', character 1 of the text"),
    ({'text': 'a' * 30000}, 'Too many keys wait for the guest to read its keyboard'),
])
def test_nothing_is_typed_of_what_cannot_be(guest, arguments, sentence):
    machine = guest('slow-reader')
    before = bytes(machine.serial.data)
    with pytest.raises(vm.QMPError) as error:
        type_text(machine, **arguments)
    assert error.value.description == sentence
    type_text(machine, '.')
    machine.serial.wait('.')
    assert bytes(machine.serial.data) == before + b'.'


@pytest.mark.apus
def test_a_guest_that_does_not_read(guest):
    machine = guest('deaf', '-icount', 'shift=6,sleep=off')
    with pytest.raises(vm.QMPError, match=r'The guest has not read its keyboard for 500 ms: 0 of 3 keys were taken'):
        type_text(machine, 'abc', timeout=500)


@pytest.mark.apus
def test_a_program_that_takes_no_keys(guest):
    """The BIOS reads them, which is not what was meant."""
    machine = guest('idle', '-icount', 'shift=6,sleep=off')
    with pytest.raises(vm.QMPError, match=r'No program has taken the last key from the BIOS for 500 ms: 0 of 3 keys were taken'):
        type_text(machine, 'abc', timeout=500)


@pytest.mark.apus
@pytest.mark.parametrize('command, cause', [('stop', 'stopped'), ('system_reset', 'reset')])
def test_what_happens_meanwhile_ends_the_text(guest, tmp_path, command, cause):
    other = str(tmp_path / 'other')
    machine = guest('slow-reader', '-qmp', f'unix:{other},server=on,wait=off')
    second = vm.QMP.connect(other)
    machine.qmp.send({'execute': '__org.apus_type', 'arguments': {'text': 'x' * 200}})
    machine.serial.wait('xxx')
    # Other monitors do not wait for the text.
    assert second.command('query-status')['running']
    second.command(command)
    reply = machine.qmp.reply()
    assert reply['error']['desc'].startswith(f'The guest was {cause}: ')
    taken = int(reply['error']['desc'].split()[4])
    assert 0 < taken < 200
    if command == 'stop':
        with pytest.raises(vm.QMPError, match='VM not running'):
            type_text(machine, 'a')
        # What need not arrive now may be typed: it does when the guest goes on.
        assert type_text(machine, 'b', wait=False)['keys'] == 1
        second.command('cont')
        machine.serial.wait('b')
        assert bytes(machine.serial.data).endswith(b'x' * taken + b'b') or bytes(machine.serial.data).endswith(b'x' * (taken + 1) + b'b')


@pytest.mark.apus
def test_a_key_that_resets_the_guest_was_typed(guest):
    machine = guest('slow-reader')
    assert type_text(machine, '<ctrl-alt-del>', notation='packer')['keys'] == 1
    machine.qmp.wait_event('RESET')


@pytest.mark.apus
def test_typing_is_part_of_a_saved_machine(guest, tmp_path):
    """The rest of a text is typed where the machine goes on."""
    machine = guest('slow-reader')
    machine.qmp.command('stop')
    type_text(machine, TEXT, wait=False)
    machine.qmp.command('cont')
    machine.serial.wait(TEXT[:4])
    machine.qmp.command('migrate', uri=f'exec:cat > {tmp_path}/state')
    while machine.qmp.command('query-migrate')['status'] != 'completed':
        pass
    typed = machine.serial.data.decode().split('\r\n', 1)[1]
    machine.close()
    other = guest('slow-reader', '-S', '-incoming', f'exec:cat {tmp_path}/state')
    while other.qmp.command('query-status')['status'] == 'inmigrate':
        pass
    other.qmp.command('cont')
    other.serial.wait(TEXT[-4:])
    assert typed + other.serial.data.decode() == TEXT


@pytest.mark.apus
def test_sendkey_waits_for_room(guest):
    """More keys at once than a keyboard holds; the program takes what the BIOS's ring has room for, and none is lost there."""
    machine = guest('slow-reader', '-icount', 'shift=6,sleep=off')
    for letter in 'abcdefghijklmno':
        machine.qmp.hmp(f'sendkey {letter} 1')
    machine.serial.wait('no')
    assert machine.serial.data.decode().endswith('\r\nabcdefghijklmno')


@pytest.mark.apus
@pytest.mark.parametrize('medium, prompt, keys', [('grub-cd.iso', 'GNU GRUB', 'c'), ('isolinux.iso', 'boot:', '')])
def test_boot_loaders(start, medium, prompt, keys):
    """They take keys from the BIOS, and are busy with their screens meanwhile."""
    machine = start('-m', '64', '-cdrom', vm.image(medium), '-icount', 'shift=4,sleep=off', serial=False)

    def shown():
        return machine.qmp.command('__org.apus_screen-text')['rows']
    while not any(prompt in row for row in shown()):
        pass
    type_text(machine, keys + '<wait>', notation='packer')
    type_text(machine, TEXT + TEXT)
    # Each has its own way with blanks at the end of a line.
    assert ''.join((TEXT + TEXT).split()) in ''.join(''.join(shown()).split())
