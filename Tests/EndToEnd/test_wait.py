# SPDX-License-Identifier: Apache-2.0
"""`__org.apus_wait`: conditions that a client need not poll for, exact under instruction counting."""
import threading
import time

import pytest
import vm

pytestmark = pytest.mark.apus

EXACT = ('-icount', 'shift=6,sleep=off', '-rtc', 'base=2026-01-01,clock=vm')
PROMPT = 'Type a command'


@pytest.fixture
def demo(start):
    """The demo disk, before its first instruction."""
    def run(*arguments):
        return start('-S', '-m', '32', '-drive', f'file={vm.image("demo.img")},format=raw,snapshot=on', *EXACT, *arguments)
    return run


def command(machine, name, arguments):
    """As QMP.command, which has a time-out of its own and changes names."""
    machine.qmp.send({'execute': name, 'arguments': arguments})
    message = machine.qmp.reply()
    if 'error' in message:
        raise vm.QMPError(message['error'])
    return message['return']


def wait(machine, *conditions, **arguments):
    return command(machine, '__org.apus_wait', {'conditions': list(conditions), **arguments})


def text(wanted):
    return {'until': 'screen', 'text': wanted}


def test_the_same_instant_in_every_run(demo):
    found = []
    for _ in range(2):
        machine = demo()
        machine.qmp.command('cont')
        found.append(wait(machine, text(PROMPT), stop=True))
        assert machine.qmp.command('query-status')['status'] == 'paused'
        hashes = machine.qmp.command('__org.apus_screen-hash')
        assert hashes['virtual-time'] == found[-1]['virtual-time']
        found[-1]['hash'] = hashes['sha256']
        machine.close()
    assert found[0] == found[1]
    assert found[0]['index'] == 0 and found[0]['text'] == PROMPT and found[0]['virtual-time'] % 10_000_000 == 0


def test_groups_places_and_the_first_of_several(demo):
    machine = demo()
    machine.qmp.command('cont')
    found = wait(machine, text('never'), {'until': 'screen', 'regex': r'SeaBIOS \(version (\S+?)(-x)?\)'}, stop=True)
    assert found['index'] == 1 and found['row'] == 0 and found['column'] == 0
    assert found['text'].startswith('SeaBIOS (version 1.') and found['groups'][1] == ''
    machine.qmp.command('cont')
    # Far enough not to be past when the wait begins.
    instant = found['virtual-time'] + 600_123_456_789
    met = wait(machine, text('never'), {'until': 'time', 'instant': instant}, timeout=10**6, stop=True)
    assert met['index'] == 1
    assert 0 <= met['virtual-time'] - instant < 64, 'instructions are 64 ns long'


def test_a_still_screen_and_an_event(demo):
    machine = demo()
    machine.qmp.command('cont')
    still = wait(machine, {'until': 'still', 'duration': 2000}, stop=True)
    assert still['virtual-time'] >= 2_000_000_000
    shown = machine.qmp.command('__org.apus_screen-text')['rows']
    assert any(PROMPT in row for row in shown)


def test_an_event_ends_a_wait(start):
    machine = start('-m', '32', '-drive', f'file={vm.image("reset.img")},format=raw,snapshot=on', *EXACT, '-S')
    machine.qmp.command('cont')
    assert wait(machine, {'until': 'event', 'name': 'RESET'})['index'] == 0
    assert machine.qmp.wait_event('RESET')['data']['guest'] is True


def test_serial_text_is_found_once(guest):
    machine = guest('serial-echo', *EXACT)
    found = wait(machine, {'until': 'serial', 'regex': r'GUEST (\S+)'})
    assert found['groups'] == ['serial-echo']
    with pytest.raises(vm.QMPError, match='within 50 ms of virtual time'):
        wait(machine, {'until': 'serial', 'text': 'GUEST'}, timeout=50)
    machine.serial.send(b'hello')
    assert wait(machine, {'until': 'serial', 'text': 'HELLO'}, timeout=600_000)['text'] == 'HELLO'


def test_a_picture_is_waited_for_and_masked(demo, tmp_path):
    machine = demo()
    machine.qmp.command('cont')
    wait(machine, text(PROMPT), stop=True)
    golden = tmp_path / 'golden.png'
    command(machine, 'screendump', {'filename': str(golden), 'format': 'png', '__org.apus_cursor': 'on'})
    machine.close()
    machine = demo()
    machine.qmp.command('cont')
    assert wait(machine, {'until': 'picture', 'filename': str(golden)})['index'] == 0
    machine.qmp.command('send-key', keys=[{'type': 'qcode', 'data': 'x'}])
    wait(machine, {'until': 'still', 'duration': 500})
    with pytest.raises(vm.QMPError, match=r"nearest to '.*golden.png' was the screen at .* pixels differ"):
        wait(machine, {'until': 'picture', 'filename': str(golden)}, timeout=100)
    mask = tmp_path / 'mask.json'
    mask.write_text('[{"x": 0, "y": 300, "width": 720, "height": 100}]')
    assert wait(machine, {'until': 'picture', 'filename': str(golden), 'mask': str(mask)}, timeout=100)['index'] == 0


def test_the_error_tells_what_was_seen_and_what_came_near(demo):
    machine = demo()
    machine.qmp.command('cont')
    wait(machine, text(PROMPT))
    with pytest.raises(vm.QMPError) as caught:
        wait(machine, text('Tpye a command'), {'until': 'event', 'name': 'STOP'}, timeout=1000)
    assert caught.value.description.startswith('Nothing awaited came within 1000 ms of virtual time; the screen ends with ')
    assert 'nearest is row 22: "    Type a command' in caught.value.description
    assert caught.value.description.endswith('; no event STOP')


def test_a_wait_in_real_time_and_a_client_that_leaves(start):
    machine = start('-S')
    begin = time.monotonic()
    with pytest.raises(vm.QMPError, match='within 300 ms'):
        wait(machine, text('never'), **{'real-timeout': 300})
    assert time.monotonic() - begin >= 0.3
    thread = threading.Thread(target=lambda: machine.qmp.send(
        {'execute': '__org.apus_wait', 'arguments': {'conditions': [text('never')], 'real-timeout': 600_000}}))
    thread.start()
    thread.join()
    time.sleep(0.1)
    machine.qmp.close()


@pytest.mark.parametrize('arguments, message', [
    ({'conditions': []}, "Parameter 'conditions' expects 1 to 64 conditions"),
    ({'conditions': [{'until': 'screen'}]}, "Exactly one of 'text' and 'regex' must be given"),
    ({'conditions': [{'until': 'screen', 'text': 'a', 'regex': 'b'}]}, "Exactly one of 'text' and 'regex' must be given"),
    ({'conditions': [{'until': 'screen', 'regex': '('}]}, "Parameter 'regex' is no regular expression: missing closing parenthesis"
     ' at position 1'),
    ({'conditions': [{'until': 'still', 'text': 'a'}]}, '''Parameter 'text' does not go with "until": "still"'''),
    ({'conditions': [{'until': 'still'}]}, "Parameter 'duration' expects 0 to 3600000 milliseconds"),
    ({'conditions': [{'until': 'event'}]}, "Parameter 'name' is missing"),
    ({'conditions': [{'until': 'picture', 'filename': '/nowhere.png'}]}, "cannot read '/nowhere.png': No such file or directory"),
    ({'conditions': [text('a')], 'timeout': -1}, "Parameter 'timeout' expects milliseconds"),
])
def test_mistakes(start, arguments, message):
    machine = start('-S')
    with pytest.raises(vm.QMPError) as caught:
        command(machine, '__org.apus_wait', arguments)
    assert caught.value.description == message
