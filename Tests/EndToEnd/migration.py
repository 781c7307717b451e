# SPDX-License-Identifier: Apache-2.0
"""What the tests of migration share."""
import os
import socket
import time

import vm


def turn_on(machine, *capabilities):
    machine.qmp.command('migrate-set-capabilities', capabilities=[{'capability': name, 'state': True} for name in capabilities])


def wait_status(machine, *wanted, timeout=30):
    """Asks `query-migrate` until its status is one of `wanted`; returns the answer."""
    deadline = time.monotonic() + timeout
    while True:
        answer = machine.qmp.command('query-migrate')
        if answer.get('status') in wanted:
            return answer
        assert time.monotonic() < deadline, f'migration stays {answer}'
        time.sleep(0.01)


def migrated(machine, uri):
    """Sends the machine and waits for the end, which must be a good one."""
    machine.qmp.command('migrate', uri=uri)
    return wait_status(machine, 'completed', 'failed', 'cancelled')


def run_state(machine):
    return machine.qmp.command('query-status')['status']


def wait_state(machine, *wanted, timeout=30):
    deadline = time.monotonic() + timeout
    while run_state(machine) not in wanted:
        assert time.monotonic() < deadline, f'the guest stays {run_state(machine)}'
        time.sleep(0.01)


def take_events(machine):
    """Names and the telling member of all events seen so far."""
    seen, machine.qmp.events = machine.qmp.events, []
    return [(event['event'], *event.get('data', {}).values()) for event in seen]


def open_descriptors(machine):
    return len(os.listdir(f'/proc/{machine.process.pid}/fd'))


def children(machine):
    with open(f'/proc/{machine.process.pid}/task/{machine.process.pid}/children') as file:
        return file.read().split()


def drive(name):
    return ('-m', '32', '-drive', f'file={vm.image(name + ".img")},format=raw,snapshot=on')


def receiver(start, name, uri, *arguments, **options):
    """A second machine like `guest(name)`, which takes one in."""
    return start(*drive(name), '-incoming', uri, *arguments, **options)


COUNTER = 0x500


def counter(machine):
    return int.from_bytes(machine.memory(COUNTER, 4), 'little')


def assert_counts_on(machine):
    before = counter(machine)
    deadline = time.monotonic() + 10
    while counter(machine) == before:
        assert time.monotonic() < deadline, 'the guest stands still'


class Deaf:
    """A peer that reads nothing."""

    def __init__(self, machine, kind):
        if kind == 'socket':
            ours, theirs = (end.detach() for end in socket.socketpair())
        else:
            ours, theirs = os.pipe()
        machine.qmp.pass_descriptor('deaf', theirs)
        os.close(theirs)
        self.end = ours

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.end)
