# SPDX-License-Identifier: Apache-2.0
"""The disk figures of Tools/bench: what dd moves in a Linux guest, from and to raw and qcow2 images on IDE and on virtio, on two emulators in turn.

Reads and writes go around the guest's page cache. The time is the guest's; the host's page cache holds the images.
"""
import os
import re
import subprocess
import tempfile

import vm

APPEND = 'console=ttyS0,115200 quiet'
#: How often a dd runs in one measurement: the guest's clock ticks in hundredths of a second.
PASSES = {'1M': 8, '4k': 2}
FORMATS = ('raw', 'qcow2')
DEVICES = {'IDE': 'sda', 'virtio-blk': 'vda'}
#: Name, block size and count of dd, arguments beside them.
TRANSFERS = (('read 1 MiB', '1M', 128, 'if=/dev/{0} of=/dev/null iflag=direct'),
             ('write 1 MiB', '1M', 128, 'if=/dev/zero of=/dev/{0} oflag=direct conv=notrunc'),
             ('read 4 KiB', '4k', 4096, 'if=/dev/{0} of=/dev/null iflag=direct'),
             ('write 4 KiB', '4k', 4096, 'if=/dev/zero of=/dev/{0} oflag=direct conv=notrunc'))
BYTES = {'1M': 1 << 20, '4k': 4 << 10}
#: Of the reference's rate on virtio, and of our own on IDE.
GOAL = 0.8
DEADLINE = 900


def rates(program, rounds, folder, form):
    """The best MiB/s of each bus and transfer with images of a format."""
    import linux  # of the end-to-end tests, whose folder Tools/bench knows
    accelerator = ('-accel', 'tcg,thread=single') if program == vm.REFERENCE else ()
    disks = [f'file={os.path.join(folder, name)}.{form},format={form},if={interface}' for name, interface in (('a', 'ide'), ('b', 'virtio'))]
    best = {}
    with vm.Machine([*accelerator, '-m', '256', '-no-reboot', '-kernel', vm.image('linux/amd64/vmlinuz'), '-initrd',
                     vm.image('linux/amd64/virtio.gz'), '-append', APPEND, '-drive', disks[0], '-drive', disks[1]],
                    program=program, timeout=60) as machine:
        shell = linux.BusyboxShell(machine, timeout=DEADLINE)
        shell.run('modprobe -a ata_piix sd_mod virtio_pci virtio_blk; while [ ! -b /dev/sda ]; do sleep 1; done')
        for _ in range(rounds):
            for bus, device in DEVICES.items():
                for name, size, count, rest in TRANSFERS:
                    command = f'dd bs={size} count={count} {rest.format(device)}'
                    passes = ' '.join('x' * PASSES[size])
                    text = shell.run(f'time sh -c "for pass in {passes}; do {command} || exit 1; done" 2>&1')
                    minutes, seconds = re.search(r'real\s+(\d+)m ([\d.]+)s', text).groups()
                    rate = PASSES[size] * BYTES[size] * count / (1 << 20) / max(60 * int(minutes) + float(seconds), 0.01)
                    best[bus, name] = max(best.get((bus, name), 0), rate)
    return best


def figures(ours, reference, rounds):
    """Rows as `bench_linux.figures` gives them."""
    for form in FORMATS:
        with tempfile.TemporaryDirectory() as folder:
            for name in ('a', 'b'):
                path = os.path.join(folder, name)
                with open(f'{path}.raw', 'wb') as file:
                    file.write(os.urandom(1 << 20) * (TRANSFERS[0][2]))
                if form != 'raw':
                    subprocess.run(['qemu-img', 'convert', '-f', 'raw', '-O', form, f'{path}.raw', f'{path}.{form}'], check=True)
            mine, other = (rates(program, rounds, folder, form) for program in (ours, reference))
        for (bus, name), rate in mine.items():
            least = max(GOAL * other[bus, name], mine['IDE', name]) if bus != 'IDE' else other[bus, name]
            goal = "QEMU's" if bus == 'IDE' else f'ratio ≥ {GOAL} and our IDE'
            yield f'{bus}, {form}, dd {name}', rate, other[bus, name], 'MiB/s', goal, rate < least
