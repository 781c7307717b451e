# SPDX-License-Identifier: Apache-2.0
"""Walks the emulator through the stages of a boot and holds each screen against the reference's, pixel by pixel.

A blinking cursor makes two pictures of one screen; the reference's settled pair is what ours must be one of.
"""
import dataclasses
import functools
import os

import vm


@dataclasses.dataclass(frozen=True)
class Stage:
    """What to type to get here, and the text rows (of 16 lines) that may differ, such as a countdown."""
    name: str
    keys: tuple = ()
    text: str = ''
    ignored_rows: tuple = ()

    def enter(self, machine):
        for key in self.keys:
            machine.press(key)
        machine.type(self.text)

    def masked(self, screen):
        if not self.ignored_rows:
            return screen
        pixels = bytearray(screen.pixels)
        for row in self.ignored_rows:
            start, end = row * 16 * screen.width * 3, (row + 1) * 16 * screen.width * 3
            pixels[start:end] = bytes(len(pixels[start:end]))
        return vm.Screen(screen.width, screen.height, bytes(pixels))


@functools.cache
def reference_screens(arguments, stages):
    """The settled screens of each stage on the reference, which is run once per test session."""
    with vm.Machine(('-accel', 'tcg') + arguments, program=vm.REFERENCE, serial=False) as machine:
        wanted = []
        for number, stage in enumerate(stages):
            stage.enter(machine)
            # A loaded host boots slowly, and a boot loader that unpacks itself looks settled for a while.
            settled = machine.settled_screens(minimum=8 if number == 0 else 0.5)
            wanted.append({stage.masked(screen) for screen in settled})
        return wanted


def check_boot(arguments, stages, timeout=60):
    """Takes the emulator through the same stages; fails at the first screen that stays different.

    On a starved host the reference may rest in the middle of drawing: one more look, with a fresh reference, tells.
    """
    try:
        compare_boot(arguments, stages, timeout)
    except (AssertionError, TimeoutError):
        reference_screens.cache_clear()
        compare_boot(arguments, stages, timeout)


def compare_boot(arguments, stages, timeout):
    wanted = reference_screens(tuple(arguments), tuple(stages))
    with vm.Machine(arguments, program=vm.emulator(), serial=False, timeout=timeout) as machine:
        for stage, screens in zip(stages, wanted):
            stage.enter(machine)
            masking = vm.Machine.screen
            machine.screen = lambda: stage.masked(masking(machine))
            machine.wait_for_screen(screens)
            shown = machine.settled_screens()
            assert shown <= screens, f'{stage.name}: ' + '; '.join(
                a.difference(b) for a in shown - screens for b in screens)
