# SPDX-License-Identifier: Apache-2.0
"""`apus shot`: verdicts, pictures, reports, bundles and saved machines; the scripts of images/shots."""
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
import xml.etree.ElementTree

import pytest
import vm

pytestmark = pytest.mark.apus

SHOTS = os.path.join(vm.ROOT, 'images', 'shots')
PROMPT = ('--until-text', 'Type a command')
MODE13 = ('--type', 'mode13\\n', '--wait', '1s')


def shot(folder, *arguments, timeout=120, check=0):
    """Runs `apus shot` in a folder; its status must be `check`."""
    done = subprocess.run([vm.emulator(), 'shot', *map(str, arguments)], cwd=folder, capture_output=True, text=True,
                          timeout=timeout, stdin=subprocess.DEVNULL)
    assert done.returncode == check, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done


def demo(folder, *arguments, **options):
    return shot(folder, vm.image('demo.img'), *arguments, **options)


def without_real_times(value):
    if isinstance(value, dict):
        return {key: without_real_times(part) for key, part in value.items() if not key.startswith('real-')}
    return [without_real_times(part) for part in value] if isinstance(value, list) else value


def report(folder, name='report.json'):
    return json.loads((folder / name).read_text())


# The scripts of images/shots: options, status, seconds that the whole takes. A script that ends with success also has a picture.
LINUX = vm.IMAGES + '/linux'
SCRIPTS = {
    'bios': (('-nic', 'none'), 0),
    'grub': ((f'{vm.IMAGES}/grub-cd.iso',), 0),
    'isolinux': ((f'{vm.IMAGES}/isolinux.iso',), 0),
    'memtest': (('-kernel', f'{LINUX}/memtest.bin'), 0),
    'linux': (('-m', '512', '-kernel', f'{LINUX}/debian/vmlinuz', '-initrd', f'{LINUX}/debian/initrd.gz', '-append',
               'console=tty0 quiet root=/dev/sda', f'{LINUX}/debian/root.img'), 0),
    'installer': (('-m', '1024', '-kernel', f'{vm.IMAGES}/installer/linux', '-initrd', f'{vm.IMAGES}/installer/initrd.gz',
                   '-append', 'vga=normal fb=false'), 0),
    'panic': (('-device', 'pvpanic', f'{vm.IMAGES}/panic.img'), 4),
    'triple-fault': ((f'{vm.IMAGES}/triple-fault.img',), 5),
    'hang': ((f'{vm.IMAGES}/halt.img',), 7),
    'mismatch': ((f'{vm.IMAGES}/demo.img',), 1),
}
SLOW = ('linux', 'installer')


@pytest.mark.parametrize('name', [pytest.param(name, marks=pytest.mark.long if name in SLOW else ()) for name in SCRIPTS])
def test_scripts_give_the_same_picture_and_report_twice(tmp_path, name):
    options, status = SCRIPTS[name]
    script = tmp_path / f'{name}.shot'
    shutil.copy(os.path.join(SHOTS, script.name), script)
    if name == 'mismatch':
        demo(tmp_path, *PROMPT, *MODE13, '--shot', 'mode13.png')
    for run in 'ab':
        shot(tmp_path, *options, '--script', script, '-o', f'{run}.png', '--report', f'{run}.json', check=status, timeout=900)
    assert (tmp_path / 'a.png').read_bytes() == (tmp_path / 'b.png').read_bytes()
    first = report(tmp_path, 'a.json')
    assert without_real_times(first) == without_real_times(report(tmp_path, 'b.json'))
    assert first['exit-status'] == status and (first['steps'][-1]['result'] == 'ok') == (status == 0)


def test_there_are_ten_scripts():
    assert sorted(SCRIPTS) == sorted(name.removesuffix('.shot') for name in os.listdir(SHOTS) if name.endswith('.shot'))
    assert len(SCRIPTS) == 10


def test_the_report_tells_steps_and_pictures(tmp_path):
    demo(tmp_path, *PROMPT, '--shot', 'menu.png', *MODE13, '-o', 'end.ppm', '--report', 'report.json')
    found = report(tmp_path)
    assert [step['action'] for step in found['steps']] == ['until-text', 'shot', 'type', 'wait']
    assert {step['result'] for step in found['steps']} == {'ok'}
    assert found['verdict'] == 'success' and found['time'] == 'instructions'
    assert found['steps'][0]['text'] == 'Type a command' and found['steps'][0]['row'] == 22
    assert found['steps'][1]['picture']['width'] == 720 and found['picture']['width'] == 640
    assert found['steps'][-1]['end'] == found['virtual-time'] and found['instructions'] > 1_000_000
    assert (tmp_path / 'menu.png').read_bytes().startswith(b'\x89PNG') and (tmp_path / 'end.ppm').read_bytes().startswith(b'P6\n640 400')


def test_expected_pictures_match_differ_and_are_made_anew(tmp_path):
    golden = (*PROMPT, '--expect', 'golden.png')
    missing = demo(tmp_path, *golden, check=2)
    assert missing.stderr == ("apus: shot: expect: cannot read 'golden.png': No such file or directory; "
                              'with --update-golden it is made\n')
    assert demo(tmp_path, *golden, '--update-golden').stderr == 'updated golden.png\n'
    assert demo(tmp_path, *golden).stderr == ''
    differs = demo(tmp_path, *PROMPT, '--type', 'x', '--wait', '100ms', '--expect', 'golden.png', check=1)
    assert re.fullmatch(r"apus: shot: step 4, expect golden.png: \d+ of 288000 pixels differ from 'golden.png'\n", differs.stderr)
    (tmp_path / 'mask.json').write_text('[{"x": 0, "y": 300, "width": 720, "height": 100}]')
    demo(tmp_path, *PROMPT, '--type', 'x', '--wait', '100ms', '--expect', 'golden.png', '--mask', 'mask.json')
    size = demo(tmp_path, *PROMPT, *MODE13, '--expect', 'golden.png', check=1)
    assert "the screen has 640x400 pixels, 'golden.png' 720x400" in size.stderr
    before = (tmp_path / 'golden.png').read_bytes()
    demo(tmp_path, '--until-picture', 'golden.png', *MODE13, '--expect', 'golden.png', '--update-golden')
    assert (tmp_path / 'golden.png').read_bytes() != before


def test_the_first_of_several_conditions_ends_a_step(tmp_path):
    demo(tmp_path, *PROMPT, '--shot', 'menu.png')
    (tmp_path / 'mask.json').write_text('[{"x": 0, "y": 300, "width": 720, "height": 100}]')
    # Of several at one instant the first in the list; a picture among them has its own mask.
    demo(tmp_path, '--until-text', 'no such text', '--or', *PROMPT, '--or', '--until-event', 'RESET', '--type', 'x', '--wait', '100ms',
         '--until-event', 'RESET', '--or', '--until-picture', 'menu.png', '--mask', 'mask.json', '--report', 'report.json')
    steps = report(tmp_path)['steps']
    assert [step.get('met') for step in steps] == ['until-text Type a command', None, None, 'until-picture menu.png']
    assert steps[0]['argument'] == 'no such text or until-text Type a command or until-event RESET'
    assert steps[0]['text'] == 'Type a command' and steps[0]['row'] == 22
    # Time is one of them: so long from the begin of the step, and an instant.
    (tmp_path / 'steps.shot').write_text('until-text Type a command\n  or\tat 1h\nuntil-text nothing\nor wait 300ms\nor at 1h\n')
    demo(tmp_path, '--script', 'steps.shot', '--report', 'report.json')
    first, second = report(tmp_path)['steps']
    assert first['met'] == 'until-text Type a command' and second['met'] == 'wait 300ms'
    assert second['end'] == second['begin'] + 300_000_000
    # None of them: each says what it saw last.
    failed = demo(tmp_path, '--until-text', 'nothing', '--or', '--until-event', 'RESET', '--timeout', '2s', check=3)
    assert 'not within 2 s of virtual time; ' in failed.stderr.replace('2.000', '2') and 'no event RESET' in failed.stderr
    (tmp_path / 'bad.shot').write_text('at 1\n\nor\n')
    assert "bad.shot:3: 'or' takes a value" in shot(tmp_path, '--script', 'bad.shot', check=2).stderr


def test_a_failure_leaves_a_bundle_from_which_the_run_goes_on(tmp_path):
    demo(tmp_path, *PROMPT, *MODE13, '--shot', 'wanted.png')
    failed = demo(tmp_path, *PROMPT, '--expect', 'wanted.png', '--bundle', 'bundle', '--junit', 'junit.xml', '--tap', '-', check=1)
    bundle = tmp_path / 'bundle'
    names = sorted(os.listdir(bundle))
    assert {'actual.png', 'expected.png', 'registers.txt', 'report.json', 'machine', '01.png', '01.txt'} <= set(names)
    last = max(name for name in names if re.fullmatch(r'\d\d\.txt', name))
    assert 'Type a command' in (bundle / last).read_text()
    assert 'EIP=' in (bundle / 'registers.txt').read_text() or 'RIP=' in (bundle / 'registers.txt').read_text()
    assert report(bundle)['verdict'] == 'mismatch'
    suite = xml.etree.ElementTree.parse(tmp_path / 'junit.xml').getroot()
    assert suite.get('tests') == '3' and suite.get('failures') == '2' and len(suite) == 3
    assert failed.stdout.startswith('TAP version 13\n1..3\nok 1 - until-text Type a command\nnot ok 2 - expect wanted.png\n')
    # The machine is as it was; another try replaces the bundle.
    shot(tmp_path, '--from', 'bundle/machine', *MODE13, '--expect', 'wanted.png')
    demo(tmp_path, *PROMPT, '--expect', 'wanted.png', '--bundle', 'bundle', check=1)
    assert not [name for name in os.listdir(tmp_path) if name.startswith('bundle.')]
    (tmp_path / 'precious').mkdir()
    (tmp_path / 'precious' / 'file').write_text('')
    refused = demo(tmp_path, *PROMPT, '--expect', 'wanted.png', '--bundle', 'precious', check=1)
    assert "'precious' is there already and is nothing that may be replaced" in refused.stderr
    assert os.listdir(tmp_path / 'precious') == ['file']


def test_forks_of_a_saved_machine_go_on_as_it_would_have(tmp_path):
    disk = tmp_path / 'demo.img'
    shutil.copy(vm.image('demo.img'), disk)
    shot(tmp_path, 'demo.img', *PROMPT, '--save', 'saved', *MODE13, '-o', 'direct.png')
    begin = time.monotonic()
    for number in range(20):
        typed = 'mode13\\n' if number == 0 else f'{number}\\n'
        shot(tmp_path, '--from', 'saved', '--type', typed, '--wait', '1s', '-o', f'{number}.png')
    assert time.monotonic() - begin < 20, 'far above what is asked for: 3 seconds'
    assert (tmp_path / '0.png').read_bytes() == (tmp_path / 'direct.png').read_bytes()
    assert len({(tmp_path / f'{number}.png').read_bytes() for number in range(20)}) == 20
    os.utime(disk)
    changed = shot(tmp_path, '--from', 'saved', *MODE13, check=2)
    assert "demo.img' is not what it was when 'saved' was saved" in changed.stderr


def test_a_saved_machine_brings_no_options_that_reach_the_host(tmp_path):
    demo(tmp_path, *PROMPT, '--save', 'saved')
    about = json.loads((tmp_path / 'saved' / 'saved.json').read_text())
    for harm in (['-chardev', 'file,id=c,path=written'], ['-nic', 'user,guestfwd=tcp:10.0.2.9:1-cmd:touch written'],
                 ['-pidfile', 'written'], ['-drive', 'file=a,snapshot=off']):
        (tmp_path / 'saved' / 'saved.json').write_text(json.dumps(about | {'options': about['options'] + harm}))
        done = shot(tmp_path, '--from', 'saved', '--wait', '1ms', check=2)
        assert f"'saved' was saved with '{' '.join(harm)}': give the emulator's options by hand" in done.stderr
        assert not (tmp_path / 'written').exists()
    shot(tmp_path, '--from', 'saved', vm.image('demo.img'), '--wait', '1ms')


def test_a_long_script_of_steps_that_take_no_time(tmp_path):
    (tmp_path / 'long.shot').write_text('wait 0\n' * 20_000)
    demo(tmp_path, '--script', 'long.shot')


def test_what_was_written_to_disks_is_saved_with_the_machine(tmp_path):
    """The guest writes a journal; a machine that goes on from a saved one finds in its disk what it wrote before."""
    (tmp_path / 'data.img').write_bytes(bytes(16 << 20))
    journal = (vm.image('journal.img'), '-drive', f'file={tmp_path}/data.img,format=raw,index=2')
    shot(tmp_path, *journal, '--at', '1s', '--save', 'one', '--at', '2s', '--save', 'direct')
    shot(tmp_path, '--from', 'one', '--at', '2s', '--save', 'forked')
    names = [name for name in os.listdir(tmp_path / 'direct') if name.endswith('.qcow2')]
    assert sorted(names) == ['ide0-hd0.qcow2', 'ide1-hd0.qcow2']
    assert (tmp_path / 'direct' / 'ide1-hd0.qcow2').stat().st_size > (tmp_path / 'one' / 'ide1-hd0.qcow2').stat().st_size
    for name in names:
        same = subprocess.run(['qemu-img', 'compare', '-f', 'qcow2', '-F', 'qcow2', tmp_path / 'direct' / name,
                               tmp_path / 'forked' / name], capture_output=True, text=True)
        assert same.returncode == 0, same.stdout + same.stderr
        checked = subprocess.run(['qemu-img', 'check', tmp_path / 'forked' / name], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout + checked.stderr
    states = [(tmp_path / folder / 'machine').read_bytes() for folder in ('direct', 'forked')]
    assert states[0] == states[1]


@pytest.mark.parametrize('image, options, status, message', [
    ('idle', ('--until-text', 'NEVER', '--timeout', '5s'), 3, 'not within 5.000 s of virtual time'),
    ('idle', ('--until-text', 'NEVER', '--fail-on', 'idle=10s'), 9, 'neither the screen nor a serial port changed for'),
    ('power-off', ('--until-text', 'NEVER'), 6, 'the guest ended the run before step 1'),
    ('power-off', ('--until-serial', 'GUEST', '--until-event', 'SHUTDOWN'), 0, ''),
    ('reset', ('--until-text', 'NEVER', '--fail-on', 'reset'), 8, 'the guest was reset'),
    ('triple-fault', ('--until-event', 'RESET'), 0, ''),
    ('debug-exit', ('-device', 'isa-debug-exit,iobase=0xf4,iosize=4', '--until-text', 'NEVER'), 6, 'exit status 33'),
    ('busy', ('--until-text', 'NEVER', '--total-timeout', '1s', '--timeout', '10h'), 3, 'longer than its limit of 1.000 s'),
])
def test_verdicts(tmp_path, image, options, status, message):
    done = shot(tmp_path, vm.image(image + '.img'), *options, check=status)
    assert message in done.stderr


@pytest.mark.parametrize('options, message', [
    (('--until-text', '('), "until-text: '(' is no regular expression: missing closing parenthesis at position 1"),
    (('--until-still', 'soon'), "until-still: 'soon' is no length of time such as 2s or 500ms"),
    (('--timeout', '0'), "timeout: '0' is no length of time such as 90s"),
    (('--type', 'ä'), 'type: '),
    (('--send-key', 'nokey'), 'send-key: '),
    (('--mask', 'a.json'), 'mask must follow expect or until-picture'),
    (('--fail-on', 'fire'), "fail-on: unknown rule 'fire'"),
    (('--script', 'nowhere.shot'), "cannot read the script 'nowhere.shot': No such file or directory"),
    (('--from', 'nowhere'), "'nowhere' is no saved machine: saved.json: No such file or directory"),
    (('--shot',), '--shot takes a value; see apus shot --help'),
    (('--or', '--at', '1'), 'or must stand between two conditions such as until-text'),
    (('--at', '1', '--or'), 'or must stand between two conditions such as until-text'),
    (('--at', '1', '--or', '--or'), 'or must stand between two conditions such as until-text'),
    (('--type', 'x', '--or', '--at', '1'), 'or must follow a condition such as until-text, not type'),
    (('--at', '1', '--or', '--type', 'x'), 'or takes a condition such as until-text, not type'),
    (('--at', '1', '--or', '--timeout', '1'), 'or takes a condition such as until-text, not timeout'),
    (('--at', '1', *('--or', '--at', '1') * 64), 'a step has no more than 64 conditions'),
    (('-frobnicate', '--at', '1'), '-frobnicate: invalid option'),
    (('--type', ''), "type: '' is empty"),
    (('--send-key', ''), "send-key: '' is empty"),
    (('--report=', '--at', '1'), "report: '' is empty"),
    (('--until-event', 'reset'), "until-event: 'reset' is no event such as RESET or SHUTDOWN"),
    (('--at', '1', '--shot', 'a.gif'), "shot: 'a.gif' is no name for a PNG or PPM picture"),
    (('--at', '1', '-o', 'a.JPG'), "output: 'a.JPG' is no name for a PNG or PPM picture"),
    (('--at', '1', '--shot', 'nowhere/a.png'), "shot: 'nowhere/a.png' cannot be written: there is no folder 'nowhere'"),
    (('--at', '1', '--report', '/dev/null/a'), "report: '/dev/null/a' cannot be written: '/dev/null' is no folder"),
    (('--at', '1', '--junit', '.'), "junit: '.' is a folder"),
    (('--at', '1', '--bundle', '/dev/null'), "bundle: '/dev/null' is there already and is no folder"),
    (('--at', '1', '--save', 'no/where'), "save: 'no/where' cannot be written: there is no folder 'no'"),
    (('-m', '32'), 'give a step such as --until-text RE, or a picture to write with -o; see apus shot --help'),
    ((), 'give a step such as --until-text RE'),
    (('-S', '--at', '1'), '-S: the machine would never start, since there is no monitor that could let it'),
    (('--at', '1', 'nowhere.img',), "Could not open 'nowhere.img': No such file or directory"),
])
def test_mistakes_end_with_status_2(tmp_path, options, message):
    assert message in shot(tmp_path, *options, check=2).stderr


def test_a_script_names_the_line_of_a_mistake(tmp_path):
    (tmp_path / 'bad.shot').write_text('# comment\n\n  until-text fine\nuntil-txt wrong\n')
    assert shot(tmp_path, '--script', 'bad.shot', check=2).stderr.startswith("apus: shot: bad.shot:4: 'until-txt' is no step")
    (tmp_path / 'bytes.shot').write_bytes(b'\xff\xfe\x1b[2J\n')
    assert re.fullmatch("apus: shot: bytes.shot:1: '[^\x1b]*' is no step; see apus shot --help\n",
                        shot(tmp_path, '--script', 'bytes.shot', check=2).stderr)
    (tmp_path / 'empty.shot').write_text('until-text\n')
    assert "empty.shot:1: 'until-text' takes a value" in shot(tmp_path, '--script', 'empty.shot', check=2).stderr


def test_help_names_every_step_and_status(tmp_path):
    text = shot(tmp_path, '--help').stdout
    assert text == shot(tmp_path, '-h').stdout == shot(tmp_path, 'some.img', '-help').stdout
    for word in ('--until-text', '--or ', '--until-serial', '--until-still', '--at', '--type', '--send-key', '--expect', '--shot', '--script',
                 '--timeout', '--report', '--junit', '--tap', '--update-golden', '--bundle', '--from', '--save', '--fail-on'):
        assert word in text
    assert 'the guest hangs for good' in text


def test_verbose_shows_the_screen(tmp_path):
    shown = demo(tmp_path, *PROMPT, '--verbose').stderr
    assert '| SeaBIOS (version ' in shown and 'until-text Type a command: ok' in shown


def test_the_image_is_not_written_but_when_asked(tmp_path):
    disk = tmp_path / 'data.img'
    disk.write_bytes(bytes(16 << 20))
    journal = (vm.image('journal.img'), '-drive', 'file=data.img,format=raw,index=2', '--at', '1s')
    shot(tmp_path, *journal)
    assert disk.read_bytes() == bytes(16 << 20)
    shot(tmp_path, *journal, '--write')
    assert disk.read_bytes() != bytes(16 << 20)


def test_a_run_that_is_killed_leaves_no_half_file(tmp_path):
    """Killed at many moments: what stands under a final name is whole."""
    command = [vm.emulator(), 'shot', vm.image('demo.img'), *PROMPT, '--shot', 'menu.png', '--save', 'saved', *MODE13, '-o', 'end.png',
               '--report', 'report.json']
    begin = time.monotonic()
    subprocess.run(command, cwd=tmp_path, check=True)
    whole, size = time.monotonic() - begin, {}
    for name in ('menu.png', 'end.png'):
        size[name] = (tmp_path / name).read_bytes()
        (tmp_path / name).unlink()
    shutil.rmtree(tmp_path / 'saved')
    for number in range(20):
        process = subprocess.Popen(command, cwd=tmp_path)
        time.sleep(whole * (number + random.random()) / 20)
        process.kill()
        process.wait()
        for name, content in size.items():
            if (tmp_path / name).exists():
                assert (tmp_path / name).read_bytes() == content
                (tmp_path / name).unlink()
        if (tmp_path / 'saved').exists():
            shot(tmp_path, '--from', 'saved', '--wait', '1ms')
            shutil.rmtree(tmp_path / 'saved')
        if (tmp_path / 'report.json').exists():
            report(tmp_path)


def test_a_bundle_is_whole_or_not_there(tmp_path):
    """Killed while it is written, which is at the end of a run; one that stood there before stays until there is another."""
    options = (*PROMPT, '--until-text', 'NEVER', '--timeout', '300ms', '--bundle', 'failed', '--report', 'report.json')
    command = [vm.emulator(), 'shot', vm.image('demo.img'), *options]
    begin = time.monotonic()
    demo(tmp_path, *options, check=3)
    whole = time.monotonic() - begin
    names = sorted(os.listdir(tmp_path / 'failed'))
    assert 'machine' in names and 'actual.png' not in names
    for number in range(12):
        if number == 4:
            shutil.rmtree(tmp_path / 'failed', ignore_errors=True)
        process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
        time.sleep(whole * (0.7 + 0.4 * random.random()))
        process.kill()
        process.wait()
        if number < 4 or (tmp_path / 'failed').exists():
            assert sorted(os.listdir(tmp_path / 'failed')) == names
            json.loads((tmp_path / 'failed' / 'report.json').read_text())
        if (tmp_path / 'report.json').exists():
            assert report(tmp_path)['verdict'] == 'timeout'
    demo(tmp_path, *options, check=3)
    shot(tmp_path, '--from', 'failed/machine', '--wait', '1ms')


def test_a_full_disk_leaves_no_half_file(tmp_path):
    full = tmp_path / 'full'
    full.mkdir()
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=256k', 'none', full], capture_output=True).returncode != 0:
        pytest.skip('no right to mount')
    try:
        (full / 'fill').write_bytes(bytes(250 * 1024))
        done = demo(tmp_path, *PROMPT, '--shot', 'full/menu.png', check=70)
        assert 'No space left on device' in done.stderr
        saved = demo(tmp_path, *PROMPT, '--save', 'full/saved', check=70)
        assert 'No space left on device' in saved.stderr
        # What is asked for at the end does not change the verdict of a run that has failed already.
        rest = demo(tmp_path, '--until-text', 'NEVER', '--timeout', '1s', '--bundle', 'full/failed', '-o', 'full/end.png', check=3)
        assert rest.stderr.count('No space left on device') == 2
        (full / 'fill').write_bytes(bytes(256 * 1024))
        texts = demo(tmp_path, *PROMPT, '--report', 'full/report.json', '--junit', 'full/junit.xml', '--tap', 'full/tap', check=70)
        assert texts.stderr.count('No space left on device') == 3
        assert os.listdir(full) == ['fill']
    finally:
        subprocess.run(['umount', full], check=True)


def test_a_signal_ends_a_run(tmp_path):
    process = subprocess.Popen([vm.emulator(), 'shot', vm.image('busy.img'), '--until-text', 'NEVER', '--report', 'report.json'],
                               cwd=tmp_path, stderr=subprocess.PIPE)
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 130
    assert report(tmp_path)['verdict'] == 'interrupted'


@pytest.mark.parametrize('image, rules, status, message', [
    ('reset', 'reset', 8, '-fail-on: the guest was reset'),
    ('triple-fault', 'triple-fault', 5, '-fail-on: the processor met a triple fault'),
    ('halt', 'panic,hang', 7, '-fail-on: the guest hangs for good'),
    ('idle', 'idle=200ms', 9, '-fail-on: neither the screen nor a serial port changed for 0.2'),
    ('power-off', 'hang,reset', 0, ''),
])
def test_any_run_can_fail_by_rules(run, image, rules, status, message):
    done = run('-display', 'none', '-fail-on', rules, '-drive', f'file={vm.image(image + ".img")},format=raw,snapshot=on')
    assert done.returncode == status and message in done.stderr.decode(), done.stderr


def test_an_unknown_rule_is_refused(run):
    done = run('-fail-on', 'fire')
    assert done.returncode == 1
    assert done.stderr.decode() == ("apus: -fail-on fire: unknown rule 'fire'; known are panic, triple-fault, reset, idle=TIME, hang"
                                    " and none\n")
