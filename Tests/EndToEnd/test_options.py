# SPDX-License-Identifier: Apache-2.0
"""The command line: probes that clients parse, spellings that must be taken, sentences with which the rest is refused."""
import os
import re

import pytest
import vm

HEADLESS = ('-display', 'none', '-nic', 'none')


def drive(name):
    return ('-m', '32', '-drive', f'file={vm.image(name + ".img")},format=raw,snapshot=on')


# ---- probes -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('spelling', ['--version', '-version'])
def test_version_line(run, spelling, reference):
    done = run(spelling)
    assert done.returncode == 0 and done.stderr == b''
    first = done.stdout.decode().splitlines()[0]
    assert re.match(r'^QEMU emulator version ([\d.]+)', first)[1].startswith('7.2.')     # Lima, Multipass
    assert re.search(r'version (\d+)\.(\d+)', first)                                     # virtme-ng
    if not reference:
        assert re.fullmatch(r'QEMU emulator version 7\.2\.0 \(Apus \d+\.\d+\.\d+\)', first)


@pytest.mark.parametrize('spelling', ['--help', '-help', '-h'])
def test_help_is_grouped_and_on_stdout(run, spelling):
    done = run(spelling)
    text = done.stdout.decode()
    assert done.returncode == 0 and done.stderr == b''
    for option in ('-drive', '-cdrom', '-qmp', '-serial', '-chardev', '-icount', '-nographic', '-rtc'):
        assert re.search(rf'^ *{option}\b', text, re.M), option
    assert len(re.findall(r'^[A-Z][\w/ ,]+:$', text, re.M)) >= 4, 'no headings'


PROBES = [
    (('-M', 'none', '-accel', 'help'), ['Accelerators supported in QEMU binary:', 'tcg']),
    (('-accel', 'help'), ['Accelerators supported in QEMU binary:', 'tcg']),
    (('-machine', 'help'), ['Supported machines are:', r'pc  .*\(alias of pc-i440fx-7\.2\)', r'pc-i440fx-7\.2 .*\(default\)', 'none ']),
    (('-M', 'help'), ['Supported machines are:']),
    (('-cpu', 'help'), ['Available CPUs:', 'x86 qemu64', 'x86 486']),
    (('-cpu', 'help', '-machine', 'pc'), ['Available CPUs:']),
    (('-device', 'help'), ['name "isa-debug-exit", bus ISA', 'name "isa-debugcon", bus ISA']),
    (('-device', '?'), ['name "isa-debug-exit"']),
    (('-device', 'isa-debug-exit,help'), ['isa-debug-exit options:', r'  iobase=<uint32> .*\(default: 1281\)',
                                          r'  iosize=<uint32> .*\(default: 2\)']),
    (('-chardev', 'help'), ['Available chardev backend types:', *(f'  {name}' for name in
                                                                  ('null', 'file', 'stdio', 'socket', 'pty', 'ringbuf', 'mux'))]),
    (('-display', 'help'), ['Available display backend types:', 'none']),
]


@pytest.mark.parametrize('arguments, lines', PROBES, ids=lambda v: ' '.join(v) if isinstance(v, tuple) else '')
def test_help_probes_answer_on_stdout(run, arguments, lines):
    done = run(*arguments)
    assert done.returncode == 0
    for line in lines:
        assert re.search('^' + line, done.stdout.decode(), re.M), line


def test_machine_none_runs_a_monitor(start):
    machine = start('-M', 'none', '-S', '-nodefaults', '-no-user-config', '-nographic', serial=False, defaults=False)
    assert machine.qmp.command('query-status')['status'] == 'prelaunch'
    machine.qmp.command('quit')
    assert machine.wait_exit() == 0


# ---- refusals ---------------------------------------------------------------------------------------------------------

SIZE = "Parameter 'size' expects a non-negative number below 2^64\nOptional suffix k, M, G, T, P or E means kilo-, mega-, " \
    'giga-, tera-, peta-\nand exabytes, respectively.'
MISSING = "Could not open '/nonexistent/x': No such file or directory"
REFUSALS = [
    ('-foo', '-foo: invalid option'),
    ('--bar=1', '--bar=1: invalid option'),
    ('-hda', '-hda: requires an argument'),
    ('-hda /nonexistent/x', '-hda /nonexistent/x: ' + MISSING),
    ('/nonexistent/x', '/nonexistent/x: ' + MISSING),
    ('-cdrom /nonexistent/x', '-cdrom /nonexistent/x: ' + MISSING),
    ('-drive file=/nonexistent/x,format=raw', '-drive file=/nonexistent/x,format=raw: ' + MISSING),
    ('-hda /tmp', "-hda /tmp: 'file' driver requires '/tmp' to be a regular file"),
    ('-drive file=/tmp,format=raw', "-drive file=/tmp,format=raw: 'file' driver requires '/tmp' to be a regular file"),
    ('-drive file=IDLE,format=nosuch', "-drive file=IDLE,format=nosuch: Unknown driver 'nosuch'"),
    ('-drive file=IDLE,if=nosuch', "-drive file=IDLE,if=nosuch: unsupported bus type 'nosuch'"),
    ('-drive file=IDLE,format=raw,bogus=1', "-drive file=IDLE,format=raw,bogus=1: Block format 'raw' does not support the option 'bogus'"),
    ('-drive file=IDLE,format=raw,index=0 -drive file=IDLE,format=raw,index=0',
     '-drive file=IDLE,format=raw,index=0: drive with bus=0, unit=0 (index=0) exists'),
    ('-drive file=IDLE,format=raw,readonly=on', 'Block node is read-only'),
    ('-m abc', '-m abc: ' + SIZE),
    ('-m -5', '-m -5: ' + SIZE),
    ('-m size=', '-m size=: ' + SIZE),
    ('-m 99999999999999999999', "-m 99999999999999999999: Value '99999999999999999999' is out of range for parameter 'size'"),
    ('-m 1E', "cannot set up guest memory 'pc.ram': Cannot allocate memory"),
    ('-machine nosuch', 'unsupported machine type\nUse -machine help to list supported machines'),
    ('-cpu nosuch', "unable to find CPU model 'nosuch'"),
    ('-accel nosuch', '-accel nosuch: invalid accelerator nosuch'),
    ('-smp abc', "Parameter 'smp.cpus' expects integer"),
    ('-device nosuch', "-device nosuch: 'nosuch' is not a valid device model name"),
    ('-device isa-debug-exit,bogus=1', "-device isa-debug-exit,bogus=1: Property 'isa-debug-exit.bogus' not found"),
    ('-vga nosuch', 'unknown vga type: nosuch'),
    ('-display nosuch', "-display nosuch: Parameter 'type' does not accept value 'nosuch'"),
    ('-serial nosuch', "-serial nosuch: 'nosuch' is not a valid char driver\n"
                       "PREFIX -serial nosuch: could not connect serial device to character backend 'nosuch'"),
    ('-chardev nosuch,id=a', "-chardev nosuch,id=a: 'nosuch' is not a valid char driver name"),
    ('-chardev null', '-chardev null: chardev: no id specified'),
    ('-chardev file,id=a', '-chardev file,id=a: chardev: file: no filename given'),
    ('-mon chardev=nosuch', '-mon chardev=nosuch: chardev "nosuch" not found'),
    ('-qmp unix:/nonexistent/x,server,nowait',
     '-qmp unix:/nonexistent/x,server,nowait: Failed to bind socket to /nonexistent/x: No such file or directory'),
    ('-qmp unix:/nonexistent/x', "-qmp unix:/nonexistent/x: Failed to connect to '/nonexistent/x': No such file or directory"),
    ('-qmp tcp:127.0.0.1:1', "-qmp tcp:127.0.0.1:1: Failed to connect to '127.0.0.1:1': Connection refused"),
    ('-rtc base=nosuch', "invalid datetime format\nvalid formats: '2006-06-17T16:01:21' or '2006-06-17'"),
    ('-icount nosuch', '-icount nosuch: icount: Invalid shift value'),
    ('-boot order=z', "Invalid boot device 'z'"),
    ('-uuid nosuch', '-uuid nosuch: failed to parse UUID string: wrong format'),
    ('-name a=b', "-name a=b: Invalid parameter 'a'"),
    ('-pidfile /nonexistent/x', "cannot create PID file: Could not create '/nonexistent/x': No such file or directory"),
]


@pytest.mark.parametrize('arguments, sentence', REFUSALS, ids=[arguments for arguments, _ in REFUSALS])
def test_refusals_have_qemus_sentence(run, prefix, arguments, sentence):
    arguments, sentence = (text.replace('IDLE', vm.image('idle.img')) for text in (arguments, sentence))
    done = run('-S', *HEADLESS, *arguments.split(' '))
    assert done.returncode == 1 and done.stdout == b''
    assert done.stderr.decode() == f'{prefix} {sentence}\n'.replace('PREFIX', prefix)


def test_bios_that_does_not_exist(run):
    done = run(*HEADLESS, '-bios', '/nonexistent/x')
    assert done.returncode == 1 and b"could not load PC BIOS '/nonexistent/x'" in done.stderr


def test_one_stdio_for_two_devices(run, prefix):
    done = run(*HEADLESS, '-serial', 'stdio', '-chardev', 'stdio,id=x')
    assert done.returncode == 1
    assert f'{prefix} -serial stdio: cannot use stdio by multiple character devices' in done.stderr.decode() or \
        f'{prefix} -chardev stdio,id=x: cannot use stdio by multiple character devices' in done.stderr.decode()


@pytest.mark.skipif(os.geteuid() == 0 and not os.path.exists('/usr/bin/setpriv'), reason='needs another user than root')
def test_an_image_without_permission(tmp_path, prefix):
    import subprocess
    path = tmp_path / 'secret.img'
    path.write_bytes(bytes(1 << 20))
    path.chmod(0)
    as_nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] if os.geteuid() == 0 else []
    directory = tmp_path
    while directory != directory.parent:  # the file must be what is refused, not the way to it
        directory.chmod(directory.stat().st_mode | 0o011)
        directory = directory.parent
    done = subprocess.run([*as_nobody, vm.emulator(), *HEADLESS, '-S', '-hda', path], capture_output=True, timeout=20)
    if b'failed to execute' in done.stderr:
        pytest.skip('another user cannot reach the binary')
    assert done.returncode == 1
    assert done.stderr.decode() == f"{prefix} -hda {path}: Could not open '{path}': Permission denied\n"


UNSUPPORTED = ['-netdev vde,id=a', '-device virtio-blk-pci,drive=a', '-vnc :99', '-gdb tcp::1', '-machine q35',
               '-smp 2', '-display gtk', '-nic user,model=rtl8139', '-blockdev driver=file,node-name=a,filename=/dev/null']


@pytest.mark.apus
@pytest.mark.parametrize('arguments', UNSUPPORTED)
def test_what_is_not_there_yet_is_refused_by_name(run, prefix, arguments):
    done = run('-S', '-nodefaults', *arguments.split(' '))
    assert done.returncode == 1 and done.stdout == b''
    message = done.stderr.decode()
    assert message.startswith(prefix) and message.count('\n') <= 2
    assert any(word.strip('-') in message for word in re.split(r'[ ,=:]', arguments) if len(word) > 2)


# ---- what must be taken -----------------------------------------------------------------------------------------------

ACCEPTED = [
    '-m 64', '-m 64M', '-m size=64M', '-m 0.0625G', '-m 65536k', '-m size=64,maxmem=64M', '-smp 1', '-smp cpus=1',
    '-cpu qemu64', '-cpu max', '-cpu 486', '-cpu pentium', '-machine pc', '-M pc', '-machine type=pc,accel=tcg', '-machine pc-i440fx-7.2',
    '-machine accel=kvm:tcg', '-accel tcg', '-accel tcg,thread=single', '-boot c', '-boot order=dc', '-boot order=c,menu=off', '-boot once=d',
    '-boot strict=on', '-snapshot', '-nic none', '-net none', '-nic user', '-nic user,model=e1000,id=n,mac=52:54:00:01:02:03', '-net nic -net user', '-netdev user,id=n -device e1000,netdev=n',
    '-netdev {"type":"user","id":"n"} -net nic,netdev=n', '-serial none', '-parallel none', '-monitor none', '-vga std', '-vga none',
    '-nographic', '-display none', '-name a', '-name guest=a,,b', '-uuid 12345678-1234-1234-1234-123456789abc', '-rtc base=utc',
    '-rtc base=localtime', '-rtc base=2026-01-01T12:00:00,clock=vm', '-rtc base=2026-01-01', '-icount 5', '-icount shift=5,sleep=off', '-icount shift=auto',
    '-no-reboot', '-no-shutdown', '-nodefaults', '-no-user-config', '-device isa-debug-exit', '-device isa-debug-exit,iobase=0xf4,iosize=0x04',
    '-chardev null,id=a -device isa-debugcon,iobase=0x402,chardev=a', '-debugcon null', '-debugcon file:/dev/null',
    '-chardev ringbuf,id=a,size=1024', '-chardev ringbuf,id=a', '-chardev null,id=a,mux=on', '-chardev file,id=a,path=/dev/null,append=on',
    '--nographic --no-reboot -m 64 --m 32', '-serial null -serial null', '-drive if=none,id=a,file=IDLE,format=raw,readonly=on',
    '-drive file=IDLE,format=raw,if=ide,index=1,media=disk,snapshot=on', '-drive file=IDLE,format=raw,media=cdrom,readonly=on',
    '-drive file=IDLE,if=ide,bus=1,unit=1,format=raw,snapshot=on', '-hdb IDLE -snapshot', '-drive file=IDLE,format=raw,snapshot=on,cache=unsafe',
    '-drive file=IDLE,format=raw,snapshot=on,cache=writeback,discard=unmap,id=disk', '-cdrom ISO', '-L /usr/share/seabios', '-bios bios-256k.bin',
]


@pytest.mark.parametrize('arguments', ACCEPTED)
def test_spellings_that_are_taken(start, arguments):
    arguments = arguments.replace('IDLE', vm.image('idle.img')).replace('ISO', vm.image('isolinux.iso'))
    machine = start('-S', *arguments.split(' '), serial=False)
    assert machine.qmp.command('query-status')['status'] == 'prelaunch'
    machine.qmp.command('quit')
    assert machine.wait_exit() == 0
    assert machine.stdout_text() == '' or '-nographic' in arguments
    noise = [line for line in machine.stderr_text().splitlines() if 'WARNING: Image format' not in line and not line.startswith('  ')]
    assert noise == [] or noise == [line for line in noise if 'warning:' in line]


def test_values_reach_the_machine(start):
    machine = start('-S', '-name', 'guest=a,,b', '-uuid', '12345678-1234-1234-1234-123456789ABC', '-m', '48', serial=False)
    assert machine.qmp.command('query-name') == {'name': 'a,b'}
    assert machine.qmp.command('query-uuid') == {'UUID': '12345678-1234-1234-1234-123456789abc'}


def test_pidfile_lives_as_long_as_the_process(start, tmp_path):
    machine = start('-S', '-pidfile', tmp_path / 'pid', serial=False)
    assert (tmp_path / 'pid').read_text().strip() == str(machine.process.pid)
    machine.qmp.command('quit')
    machine.wait_exit()
    assert not (tmp_path / 'pid').exists()


def test_arguments_are_bytes(start, tmp_path):
    path = os.fsencode(tmp_path) + b'/\xff\xfe caf\xe9,x.img'
    with open(vm.image('idle.img'), 'rb') as source, open(path, 'wb') as copy:
        copy.write(source.read())
    machine = start('-drive', 'format=raw,file=' + os.fsdecode(path).replace(',', ',,'))
    machine.serial.wait('GUEST idle')


def test_a_machine_without_a_board_has_its_drives(start, run):
    drive = f'file={vm.image("idle.img")},if=none,id=d,format=raw,readonly=on'
    machine = start('-M', 'none', '-nodefaults', '-drive', drive, serial=False)
    assert [info['device'] for info in machine.qmp.command('query-block')] == ['d']
    done = run('-M', 'none', '-nodefaults', '-drive', 'file=missing.img,if=none,id=d,format=raw')
    assert done.returncode == 1 and b"Could not open 'missing.img': No such file or directory" in done.stderr


def test_consoles_without_a_window_are_named_as_such(start):
    machine = start('-chardev', 'vc,id=v', serial=False)
    names = {info['label']: info['filename'] for info in machine.qmp.command('query-chardev')}
    assert names['v'] == 'vc'
