# SPDX-License-Identifier: Apache-2.0
"""The network figures of Tools/bench: what a Linux guest gets from a web server on the host through user networking, with each adapter,
and what a ping of the gateway takes, on two emulators in turn.
"""
import os
import re
import tempfile

import vm

ADAPTERS = {'e1000': 'e1000', 'virtio-net-pci': 'virtio_pci && modprobe virtio_net'}
MEBIBYTES, PINGS, DEADLINE = 128, 50, 300
#: Of virtio-net's rate to our own e1000's.
GOAL = 1.5


def measured(program, rounds, folder):
    """By adapter: the best MiB/s, and the least average of a ping in ms."""
    import linux  # of the end-to-end tests, whose folder Tools/bench knows
    import network
    accelerator = ('-accel', 'tcg,thread=single') if program == vm.REFERENCE else ()
    best = {}
    for adapter, driver in ADAPTERS.items():
        with vm.Machine([*accelerator, *network.guest_options('-nic', f'user,model={adapter}')], program=program, timeout=60) as machine:
            shell = linux.BusyboxShell(machine, timeout=DEADLINE)
            shell.run(f'modprobe {driver}')
            network.lease(shell)
            with network.web_server(folder) as port:
                for _ in range(rounds):
                    text = shell.run(f'time wget -q -O /dev/null http://10.0.2.2:{port}/data 2>&1', timeout=DEADLINE)
                    minutes, seconds = re.search(r'real\s+(\d+)m ([\d.]+)s', text).groups()
                    rate = MEBIBYTES / max(60 * int(minutes) + float(seconds), 0.01)
                    text = shell.run(f'ping -q -c {PINGS} -i 0.02 10.0.2.2', timeout=DEADLINE)
                    ping = float(re.search(r'= [\d.]+/([\d.]+)/', text)[1])
                    before = best.get(adapter, (0, ping))
                    best[adapter] = max(before[0], rate), min(before[1], ping)
    return best


def figures(ours, reference, rounds):
    """Rows as `bench_linux.figures` gives them."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, 'data'), 'wb') as file:
            file.write(os.urandom(1 << 20) * MEBIBYTES)
        mine, other = (measured(program, rounds, folder) for program in (ours, reference))
    for adapter, (rate, ping) in mine.items():
        least = other[adapter][0] if adapter == 'e1000' else GOAL * mine['e1000'][0]
        goal = "QEMU's" if adapter == 'e1000' else f'{GOAL} of our e1000'
        yield f'{adapter}, download', rate, other[adapter][0], 'MiB/s', goal, rate < least
        yield f'{adapter}, ping of the gateway', ping, other[adapter][1], 'ms', "QEMU's", ping > other[adapter][1]
