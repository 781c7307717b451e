# SPDX-License-Identifier: Apache-2.0
"""QMP on the wire: framing, handshake, ids, error texts, event order, several monitors (docs/interop/qmp-spec of QEMU 7.2)."""
import json
import re
import select
import socket
import time

import pytest
import vm

RUNNING = {'status': 'running', 'singlestep': False, 'running': True}


def error(text, error_class='GenericError'):
    return {'class': error_class, 'desc': text}


@pytest.fixture
def qmp(guest):
    return guest('idle', '-name', 'guest-one').qmp


def test_greeting(start, reference):
    greeting = start(serial=False).qmp.greeting
    assert greeting['capabilities'] == ['oob']
    version = greeting['version']
    assert (version['qemu']['major'], version['qemu']['minor']) == (7, 2)
    assert isinstance(version['qemu']['micro'], int)
    assert 'Debian' in version['package'] if reference else re.fullmatch(r'Apus \d+\.\d+\.\d+', version['package'])


def test_every_line_ends_in_crlf_and_is_ascii(qmp):
    qmp.send({'execute': 'human-monitor-command', 'arguments': {'command-line': 'grüße'}})
    line = qmp.read_line()
    assert line.endswith(b'\r\n') and line.isascii()
    qmp.send({'execute': 'nosuch-ü', 'id': 'größe'})
    line = qmp.read_line()
    assert line.endswith(b'\r\n') and line.isascii() and json.loads(line)['id'] == 'größe'


def test_framing_by_json_balance(qmp):
    qmp.send(b'{"execute":"query-status"}')  # no newline: go-qemu, Packer, Proxmox
    assert qmp.reply() == {'return': RUNNING}
    qmp.send(b'{"execute":"query-status"}{"execute":"query-name"}')
    assert qmp.reply() == {'return': RUNNING} and qmp.reply() == {'return': {'name': 'guest-one'}}
    for byte in b'  { "execute" :\r\n "query-status" , \t "id" : "}{" } ':
        qmp.send(bytes([byte]))
    assert qmp.reply() == {'return': RUNNING, 'id': '}{'}
    qmp.send(b"{'execute': 'query-status', 'id': 'a'}")
    assert qmp.reply() == {'return': RUNNING, 'id': 'a'}


@pytest.mark.parametrize('value', ['a', 7, -1, None, True, [1, [2]], {'a': [1, 2.5, None, True]}, 18446744073709551615, ''])
def test_id_is_any_value_and_comes_back(qmp, value):
    qmp.send({'execute': 'query-status', 'id': value})
    assert qmp.reply() == {'return': RUNNING, 'id': value}
    qmp.send({'execute': 'nosuch', 'id': value})
    assert qmp.reply() == {'id': value, 'error': error('The command nosuch has not been found', 'CommandNotFound')}


REFUSED = {
    b'{"execute":"nosuch"}': error('The command nosuch has not been found', 'CommandNotFound'),
    b'{"execute":"stop","arguments":{"x":1}}': error("Parameter 'x' is unexpected"),
    b'{"execute":"screendump"}': error("Parameter 'filename' is missing"),
    b'{"execute":"screendump","arguments":{"filename":3}}': error("Invalid parameter type for 'filename', expected: string"),
    b'{"execute":"screendump","arguments":{"filename":"/nonexistent/x"}}':
        error("failed to open file '/nonexistent/x': No such file or directory"),
    b'{"execute":"screendump","arguments":{"filename":"/nonexistent/x","device":"nope"}}':
        error("Device 'nope' not found", 'DeviceNotFound'),
    b'{"execute":"screendump","arguments":{"filename":"/nonexistent/x","head":3}}':
        error("'head' must be specified together with 'device'"),
    b'{"execute":"screendump","arguments":{"filename":"/nonexistent/x","format":"gif"}}':
        error("Parameter 'format' does not accept value 'gif'"),
    b'{"execute":"query-status","bogus":1}': error("QMP input member 'bogus' is unexpected"),
    b'{"arguments":{}}': error("QMP input lacks member 'execute'"),
    b'{"execute":3}': error("QMP input member 'execute' must be a string"),
    b'{"execute":"query-status","arguments":[]}': error("QMP input member 'arguments' must be an object"),
    b'[]': error('QMP input must be a JSON object'),
    b'"a"': error('QMP input must be a JSON object'),
    b'{x}': error("JSON parse error, invalid keyword 'x'"),
    b'nonsense\n': error("JSON parse error, invalid keyword 'nonsense'"),
    b'{"execute":"qmp_capabilities"}':
        error('Capabilities negotiation is already complete, command ignored', 'CommandNotFound'),
    b'{"exec-oob":"query-status"}': error("QMP input member 'exec-oob' is unexpected"),
    b'{"execute":"send-key","arguments":{"keys":[{"type":"qcode","data":"nosuch"}]}}':
        error("Parameter 'data' does not accept value 'nosuch'"),
    b'{"execute":"pmemsave","arguments":{"val":0,"size":16,"filename":"/nonexistent/x"}}':
        error("Could not open '/nonexistent/x': No such file or directory"),
    b'{"execute":"memsave","arguments":{"val":0,"size":16,"filename":"/dev/null","cpu-index":4}}':
        error("Parameter 'cpu-index' expects a CPU number"),
}


@pytest.mark.parametrize('request_bytes', REFUSED, ids=lambda b: b.decode().strip())
def test_refusals_have_qemus_class_and_text(qmp, request_bytes):
    qmp.send(request_bytes)
    first = qmp.reply()
    if request_bytes == b'{x}':  # a parser may complain at the brace first; the connection must survive either way
        assert first['error']['desc'].startswith('JSON parse error')
    else:
        assert first == {'error': REFUSED[request_bytes]}
    qmp.send(b'\xff{"execute":"query-status","id":"still here"}')
    while True:
        message = qmp.reply()
        if message.get('id') == 'still here':
            assert message['return'] == RUNNING
            return
        assert message['error']['desc'].startswith('JSON parse error')


def test_byte_ff_resets_the_parser(qmp):
    qmp.send(b'{"execute": [[[ "\xff')
    qmp.send(b'{"execute":"query-name"}')
    answers = []
    while 'return' not in (message := qmp.reply()):
        answers.append(message['error']['desc'])
    assert answers and all(text.startswith('JSON parse error') for text in answers)
    assert message == {'return': {'name': 'guest-one'}}


def test_nothing_works_before_the_handshake(start):
    machine = start('-qmp', 'unix:PATH,server=on,wait=off'.replace('PATH', '/tmp/apus-handshake.sock'), serial=False)
    second = vm.QMP.connect('/tmp/apus-handshake.sock', negotiate=False)
    second.send({'execute': 'query-status'})
    assert second.reply() == {'error': error("Expecting capabilities negotiation with 'qmp_capabilities'", 'CommandNotFound')}
    machine.qmp.command('stop')  # its event must not reach a connection that has not negotiated
    second.send({'execute': 'qmp_capabilities', 'arguments': {'enable': ['nope']}})
    assert second.reply()['error']['desc'].endswith("does not accept value 'nope'")
    second.send({'execute': 'qmp_capabilities', 'arguments': {'enable': ['oob']}})
    assert second.reply() == {'return': {}}
    second.send({'exec-oob': 'query-status', 'id': 1})
    assert second.reply() == {'id': 1, 'error': error('The command query-status does not support OOB')}
    assert second.events == []
    machine.qmp.command('cont')
    assert second.wait_event('RESUME')
    second.close()
    third = vm.QMP.connect('/tmp/apus-handshake.sock', negotiate=False)  # a new connection negotiates anew
    third.send({'execute': 'query-status'})
    assert third.reply()['error']['class'] == 'CommandNotFound'


def test_events_go_to_every_monitor_and_replies_to_the_asker(start, tmp_path):
    machine = start('-S', '-qmp', f'unix:{tmp_path}/b,server,nowait', '-chardev', f'socket,id=c,path={tmp_path}/c,server=on,wait=off',
                    '-mon', 'chardev=c,mode=control', serial=False)
    others = [vm.QMP.connect(f'{tmp_path}/b'), vm.QMP.connect(f'{tmp_path}/c')]
    machine.qmp.command('cont')
    for other in others:
        assert other.wait_event('RESUME')
        assert other.command('query-status') == RUNNING
        assert other.events == []


def test_the_second_client_of_a_socket_waits_for_the_first(start, tmp_path):
    start('-qmp', f'unix:{tmp_path}/q,server=on,wait=off', serial=False)
    first = vm.QMP.connect(f'{tmp_path}/q')
    waiting = vm.connect_unix(f'{tmp_path}/q')
    assert select.select([waiting], [], [], 0.3)[0] == []
    assert first.command('query-status')['running'] in (True, False)
    first.close()
    assert vm.QMP(waiting).command('query-status')['running']


def test_order_of_replies_and_events(qmp):
    def exchange(name, count):
        qmp.send({'execute': name})
        return [(m.get('event') or 'return') for m in (qmp.read_message() for _ in range(count))]
    assert exchange('stop', 2) == ['STOP', 'return']
    assert exchange('stop', 1) == ['return']
    assert qmp.command('query-status') == {'status': 'paused', 'singlestep': False, 'running': False}
    assert exchange('cont', 2) == ['RESUME', 'return']
    assert exchange('cont', 1) == ['return']
    assert exchange('system_powerdown', 2) == ['POWERDOWN', 'return']
    assert exchange('system_reset', 2) == ['RESET', 'return']
    assert exchange('quit', 2) == ['SHUTDOWN', 'return']
    with pytest.raises(EOFError):
        qmp.read_line()


def test_events_carry_the_host_time_and_their_data(qmp):
    qmp.send({'execute': 'system_reset'})
    event = qmp.read_message()
    stamp = event.pop('timestamp')
    assert abs(stamp['seconds'] + stamp['microseconds'] / 1e6 - time.time()) < 5 and 0 <= stamp['microseconds'] < 1000000
    assert event == {'event': 'RESET', 'data': {'guest': False, 'reason': 'host-qmp-system-reset'}}
    assert qmp.reply() == {'return': {}}
    qmp.send({'execute': 'quit'})
    while (event := qmp.read_message())['event'] == 'RESET':
        pass
    assert event['event'] == 'SHUTDOWN' and event['data'] == {'guest': False, 'reason': 'host-qmp-quit'}


def test_pretty_printing(start, tmp_path):
    start('-qmp-pretty', f'unix:{tmp_path}/p,server=on,wait=off', serial=False)
    connection = vm.connect_unix(f'{tmp_path}/p')
    data = b''
    while not data.endswith(b'\n}\r\n'):
        data += connection.recv(65536)
    assert data.count(b'\n') > 5 and 'QMP' in json.loads(data)


@pytest.mark.parametrize('spelling', ['tcp:127.0.0.1:{port},server,nowait', 'tcp:localhost:{port},server=on,wait=off',
                                      'tcp:127.0.0.1:{port},server=on,wait=off,nodelay=on'])
def test_tcp_server_spellings(start, spelling):
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    start('-qmp', spelling.format(port=port), serial=False)
    deadline = time.monotonic() + 10
    while True:
        try:
            connection = socket.create_connection(('127.0.0.1', port))
            break
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert vm.QMP(connection).command('query-status')['running']


def test_tcp_client(start):
    with socket.create_server(('127.0.0.1', 0)) as listener:
        listener.settimeout(20)
        start('-qmp', f'tcp:127.0.0.1:{listener.getsockname()[1]}', serial=False)
        assert vm.QMP(listener.accept()[0]).command('query-status')['running']


def test_a_server_that_waits_starts_when_its_client_comes(tmp_path):
    import subprocess
    process = subprocess.Popen([vm.emulator(), '-display', 'none', '-nic', 'none', '-qmp', f'unix:{tmp_path}/w,server,wait'],
                               stderr=subprocess.PIPE)
    try:
        connection = vm.QMP.connect(f'{tmp_path}/w')
        assert connection.command('query-status')['running']
        connection.command('quit')
        assert process.wait(10) == 0
        assert f'waiting for connection on: disconnected:unix:{tmp_path}/w,server=on'.encode() in process.stderr.read()
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
