# SPDX-License-Identifier: Apache-2.0
"""The Linux figures of Tools/bench: boot, an idle machine, and a set of workloads, on two emulators in turn.

The workloads are in a folder with a kernel `vmlinuz` and an initramfs `bench-initrd.gz` whose programs print `BENCH name start` and
`BENCH name end chk=…` on the serial port, take `bench=name,…` and `bscale=percent` from the kernel's command line, and turn the machine off at
the end. A time is the emulator's user and system CPU seconds between the two lines.
"""
import math
import os
import re
import time

import vm

APPEND = 'console=ttyS0,115200 quiet'
#: The whole must keep this geometric mean, the boot this ratio, and these workloads must beat the reference.
MEAN_GOAL = 1.8
BOOT_GOAL = 3.0
FASTER = ('repmovsb', 'repmovsq', 'smc')
IDLE_SECONDS = 10
IDLE_PERCENT = 3
DEADLINE = 900  # seconds for one step; a host may be slow


def default_folder():
    return os.path.join(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'apus-bench')


def machine(program, kernel, initrd, append):
    accelerator = ('-accel', 'tcg,thread=single') if program == vm.REFERENCE else ()
    return vm.Machine([*accelerator, '-m', '256', '-no-reboot', '-kernel', kernel, '-initrd', initrd, '-append', append],
                      program=program, timeout=60)


def boot_and_idle(program):
    """CPU seconds to the start of init's script, percent of a core that the shell's prompt costs, resident MB then."""
    with machine(program, vm.image('linux/amd64/vmlinuz'), vm.image('linux/amd64/initrd.gz'), APPEND) as linux:
        linux.serial.wait('initramfs: ready', DEADLINE)
        boot = linux.cpu_seconds()
        linux.serial.wait('shell# ', DEADLINE)
        time.sleep(3)  # the kernel's last start-up work
        before, begin = linux.cpu_seconds(), time.monotonic()
        time.sleep(IDLE_SECONDS)
        idle = (linux.cpu_seconds() - before) / (time.monotonic() - begin) * 100
        return {'boot': boot, 'idle': idle, 'resident': linux.resident_bytes() / (1 << 20)}


def workloads(program, folder, only, scale):
    """CPU seconds and checksum of each workload, in the order in which they ran."""
    append = f'{APPEND} panic=-1 bscale={scale}' + (f' bench={only}' if only else '')
    seconds, checksums, offset = {}, {}, 0
    with machine(program, os.path.join(folder, 'vmlinuz'), os.path.join(folder, 'bench-initrd.gz'), append) as linux:
        while True:
            offset = linux.serial.wait('BENCH', DEADLINE, offset)
            now = linux.cpu_seconds()
            line = bytes(linux.serial.data[offset:linux.serial.wait('\n', DEADLINE, offset)]).decode()
            if started := re.match(r' (\S+) start', line):
                name, begin = started[1], now
            elif ended := re.match(r' (\S+) end chk=(\w+)', line):
                if ended[1] != name:
                    raise ValueError(f'workload {ended[1]} ended when {name} ran')
                seconds[name], checksums[name] = now - begin, ended[2]
            elif line.startswith('ALL'):
                return seconds, checksums
            else:
                raise ValueError(f'the guest said BENCH{line!r}')


def ratio(ours, other):
    return max(ours, 0.01) / max(other, 0.01)  # the clock of CPU time ticks in hundredths


def figures(ours, reference, rounds, folder, only='', scale=100):
    """Rows of label, our value, the reference's, unit, goal, whether it is missed; the emulators take turns, the best round counts."""
    programs = (ours, reference)
    best = [{}, {}]
    for _ in range(rounds):
        for kept, program in zip(best, programs):
            for name, value in boot_and_idle(program).items():
                kept[name] = min(kept.get(name, value), value)
    (a, b) = best
    yield 'Linux, boot to init, CPU', a['boot'], b['boot'], 's', f'ratio ≤ {BOOT_GOAL}', ratio(a['boot'], b['boot']) > BOOT_GOAL
    yield 'Linux, idle at its prompt', a['idle'], b['idle'], '% of a core', f'< {IDLE_PERCENT} %', a['idle'] >= IDLE_PERCENT
    yield 'Linux, idle, resident, -m 256', a['resident'], b['resident'], 'MB', "below QEMU's", a['resident'] >= b['resident']

    if not os.path.exists(os.path.join(folder, 'bench-initrd.gz')):
        print(f'| Linux workloads: none in {folder}; name their folder by --guests | | | | |', flush=True)
        return
    best, sums = [{}, {}], {}
    for _ in range(rounds):
        for kept, program in zip(best, programs):
            seconds, checksums = workloads(program, folder, only, scale)
            for name, value in seconds.items():
                kept[name] = min(kept.get(name, value), value)
                sums.setdefault(name, set()).add(checksums[name])
    logarithms = []
    for name, value in best[0].items():
        times = ratio(value, best[1].get(name, math.nan))
        logarithms.append(math.log(times))
        goal = 'ratio < 1.0' if name in FASTER else ''
        if len(sums[name]) > 1:
            goal += f' checksums differ: {" ".join(sorted(sums[name]))}'
        yield f'Linux, {name}, CPU', value, best[1].get(name, math.nan), 's', goal, len(sums[name]) > 1 or name in FASTER and times >= 1
    mean = math.exp(sum(logarithms) / len(logarithms))
    yield (f'Linux, geometric mean of the ratios of {len(logarithms)} workloads', mean, 1.0, '', f'≤ {MEAN_GOAL}',
           not mean <= MEAN_GOAL)
