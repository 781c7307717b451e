# SPDX-License-Identifier: Apache-2.0
"""Runs of Tests/ExactRun and what they print: summaries, hashes of the whole machine at regular counts, surveys."""
import hashlib
import os
import subprocess

import vm

#: Time counts instructions, and nothing of the host enters the run.
COUNTING = ('-rtc', 'base=2024-01-01,clock=vm', '-seed', '1', '-nic', 'none', '-display', 'none')


class Run:
    """One run to its end. `settings` are words of exact-run, `options` a machine's command line."""

    def __init__(self, count, settings, options, serial='null', timeout=900):
        program = os.environ.get('EXACT_RUN') or os.path.join(os.path.dirname(vm.emulator()), 'exact-run')
        done = subprocess.run([program, str(count), *map(str, settings), '--', *map(str, options), '-serial', serial],
                              capture_output=True, text=True, timeout=timeout)
        if (done.returncode, done.stderr) != (0, ''):
            raise RuntimeError(f'exact-run ended with status {done.returncode}: {done.stderr}')
        *lines, self.summary = done.stdout.splitlines()
        #: Hashes by count, each a dictionary from part to hash.
        self.hashes = {}
        for line in lines:
            at, *words = line.split()
            self.hashes[int(at.removeprefix('at='))] = dict(word.split('=') for word in words)
        self.fields = dict(word.split('=') for word in self.summary.split())
        self.count, self.status = int(self.fields['count']), self.fields['status']


def difference(whole, part):
    """Where hashes of one run first differ from those of another, which has them all; None where they do not."""
    for count, hashes in part.hashes.items():
        expected = whole.hashes.get(count)
        if expected is None:
            return f'there is no hash at {count}'
        if hashes != expected:
            names = [name for name in expected if hashes.get(name) != expected[name]]
            return f'at {count} these differ: {" ".join(names)}'
    if part.summary != whole.summary:
        names = [name for name in whole.fields if part.fields.get(name) != whole.fields[name]]
        return f'at the end these differ: {" ".join(names)}'
    return None


def digests(folder):
    """SHA-256 of every file of a folder, by name."""
    result = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), 'rb') as file:
            result[name] = hashlib.file_digest(file, 'sha256').hexdigest()
    return result


class Sample:
    """A line of a survey: what the guest is about at a count."""

    def __init__(self, line):
        count, time, due, *words = line.split()
        self.count, self.time, self.due = int(count), int(time), None if due == '-' else int(due)
        self.mode, self.words = words[0], set(words)

    @staticmethod
    def read(path):
        with open(path) as file:
            return [Sample(line) for line in file]


def choose_counts(samples, source, number):
    """Counts of every kind, drawn by a seeded source: where a disk works, a key waits, a timer falls due, the mode changes, the
    screen shows graphics, the processor waits; in the firmware, in each boot, anywhere."""
    pairs = list(zip(samples, samples[1:]))
    kinds = {
        'disk': [sample.count for sample in samples if 'disk' in sample.words],
        'key': [sample.count for sample in samples if 'key' in sample.words],
        'timer': [due + shift for sample in samples if (due := sample.due) is not None for shift in (-1, 0, 1)
                  if sample.count < due < sample.count + 10 ** 6],
        'mode': [source.randint(a.count, b.count) for a, b in pairs if a.mode != b.mode],
        'graphics': [sample.count for sample in samples if 'graphics' in sample.words],
        'halted': [sample.count for sample in samples if 'halted' in sample.words],
        'user': [sample.count for sample in samples if 'user' in sample.words],
        'reset': [source.randint(a.count, b.count) for a, b in pairs if ('boot1' in a.words) != ('boot1' in b.words)],
        'anywhere': [source.randint(a.count, b.count) for a, b in pairs],
    }
    last = samples[-1].count
    kinds = {kind: inside for kind, counts in kinds.items() if (inside := [count for count in counts if count < last])}
    chosen = {}
    while len(chosen) < number:
        for kind, counts in kinds.items():
            if len(chosen) < number:
                chosen[source.choice(counts)] = kind
    return chosen
