# SPDX-License-Identifier: Apache-2.0
"""The text of Debian's installer, on its own frame buffer terminal and on Linux's console, against what its files say that it
prints."""
import gzip
import os
import re
import struct
import unicodedata

import pytest
import vm
from test_screen import screen_text, wait_for_text

pytestmark = [pytest.mark.apus, pytest.mark.long]

FOLDER = os.path.join(vm.IMAGES, 'installer')


def unpacked(wanted):
    """Files of the installer's initial file system (cpio, "newc")."""
    with gzip.open(os.path.join(FOLDER, 'initrd.gz')) as archive:
        data = archive.read()
    found, at = {}, 0
    while data[at:at + 6] == b'070701':
        size, name_size = (int(data[at + 6 + 8 * field:at + 14 + 8 * field], 16) for field in (6, 11))
        name = data[at + 110:at + 110 + name_size - 1].decode().removeprefix('./')
        start = (at + 110 + name_size + 3) & ~3
        if name in wanted:
            found[name] = data[start:start + size]
        at = (start + size + 3) & ~3
    assert found.keys() == set(wanted)
    return found


def base(character):
    """Forms of an Arabic letter are that letter."""
    return unicodedata.normalize('NFKC', character) if '\ufb50' <= character <= '\ufefc' else character


def alike_letters(font):
    """Arabic letters of which the font draws some form with the same dots: nobody can tell these apart. By each of them the
    one that stands for all."""
    buckets, index, glyphs = struct.unpack_from('<QQQ', font, 20)
    height, mask = struct.unpack_from('<ii', font, 12)
    drawn = {}
    for bucket in range(mask + 1):
        at = index + 4 * struct.unpack_from('<i', font, buckets + 4 * bucket)[0]
        while entry := struct.unpack_from('<i', font, at)[0]:
            glyph = glyphs + 4 * struct.unpack_from('<i', font, at + 4)[0]
            drawn.setdefault(font[glyph:glyph + 4 * height], []).append(base(chr(entry & ~mask | bucket)))
            at += 8
    first = {}
    for letters in drawn.values():
        letters = [letter for letter in letters if unicodedata.bidirectional(letter[0]) == 'AL']
        known = {first.get(letter, letter) for letter in letters}
        for letter in [*first, *letters]:
            if first.get(letter, letter) in known:
                first[letter] = min(known)
    return first


@pytest.fixture(scope='module')
def installer():
    """Titles and texts by their templates, and the languages: level, English name, own name."""
    info, chooser = 'var/lib/dpkg/info/', 'usr/share/localechooser/languagelist.data.gz'
    font = 'lib/unifont.bgf'
    files = unpacked([chooser, font, info + 'localechooser.templates', info + 'cdebconf-newt-udeb.templates'])
    alike = alike_letters(files.pop(font))
    languages = [line.split(':') for line in gzip.decompress(files.pop(chooser)).decode().splitlines()]
    texts = {}
    for stanza in '\n\n'.join(file.decode() for file in files.values()).split('\n\n'):
        name = re.match(r'Template: (\S+)', stanza.strip())
        text = re.search(r'^Description: (.*(?:\n .*)*)', stanza, re.MULTILINE)
        if name and text:
            short, _, long = text[1].partition('\n')
            texts[name[1]] = short, ' '.join(line.strip() for line in long.splitlines())
    return texts, [(int(level), english, own) for level, _, english, own in languages], alike


def displayed(text):
    """As a terminal shows it that knows nothing of directions: words from right to left are printed backwards."""
    if any(unicodedata.bidirectional(character) in ('R', 'AL') for character in text):
        text = text[::-1]
    return text


def plain(text, alike):
    """Letters by what they are, not by their forms, and characters with their marks in one."""
    return unicodedata.normalize('NFC', ''.join(alike.get(base(character), base(character)) for character in text))


def expected(installer, levels, shows):
    _, languages, _ = installer
    names = [(english, own) for level, english, own in languages if level <= levels]
    widest = max(len(english) for english, _ in names)
    return [f'{english:{widest}}  -  {shows(own)}' for english, own in names]


def entries(shown, alike):
    rows = [row for row in shown['rows'] if re.search(r' {2,}-  ', row)]
    return [plain(re.sub(r'[ ↑↓▒▮█]+$', '', row.strip('│ ')), alike) for row in rows]


def check_frame(shown, texts):
    """Everything but the entries."""
    assert (shown['mode'], shown['columns'], len(shown['rows']), shown['unknown']) == ('graphics', 160, 50, 0)
    rows = [row for row in shown['rows'] if row.strip() and not re.search(r' {2,}-  ', row)]
    title, help_line = texts['localechooser/title/language'][0], texts['debconf/help-line'][0]
    short, long = texts['localechooser/languagelist']
    assert re.fullmatch(rf' +┌─+┤ \[!!\] {re.escape(title)} ├─+┐ *', rows[0])
    assert re.fullmatch(r' +└─+┘ *', rows[-2]) and rows[-1] == help_line
    assert all(re.fullmatch(r' +│.*│ *', row) for row in rows[1:-2])
    inside = [row.strip(' │') for row in rows[1:-2]]
    *paragraph, question, button = [row for row in inside if row]
    assert ' '.join(paragraph) == long and (question, button) == (short, f'<{texts["debconf/button-goback"][0]}>')


def boot(options):
    return vm.Machine(('-m', '1024', '-kernel', f'{FOLDER}/linux', '-initrd', f'{FOLDER}/initrd.gz', '-append',
                       f'vga=normal {options}'), serial=False)


def menu(machine):
    wait_for_text(machine, 'Go Back', timeout=400)
    machine.qmp.command('__org.apus_wait', timeout=60, conditions=[{'until': 'still', 'duration': 1000}])
    return screen_text(machine)


def test_frame_buffer_terminal(installer):
    texts, _, alike = installer
    assert len(alike) < 60 and all(unicodedata.bidirectional(letter[0]) == 'AL' for letter in alike)
    wanted = [plain(line, alike) for line in expected(installer, 3, displayed)]
    assert len(wanted) > 60
    with boot('') as machine:
        shown = menu(machine)
        check_frame(shown, texts)
        first = entries(shown, alike)
        assert first == wanted[:len(first)] and len(first) > 30
        # Characters two cells wide are in their columns.
        row = next(row for row, text in enumerate(shown['rows']) if 'Japanese' in text)
        assert shown['rows'][row].endswith('│') and '日本語' in shown['rows'][row]
        machine.press('end')
        machine.qmp.command('__org.apus_wait', timeout=60, conditions=[{'until': 'still', 'duration': 1000}])
        shown = screen_text(machine)
        check_frame(shown, texts)
        last = entries(shown, alike)
        assert last == wanted[-len(last):] and len(first) + len(last) >= len(wanted)


def test_console(installer):
    # Linux shows a letter that its font does not have without its mark.
    def shows(text):
        return ''.join(
            character if character == ' ' or character.encode('cp437', 'ignore') else unicodedata.normalize('NFD', character)[0]
            for character in text)

    with boot('fb=false') as machine:
        shown = menu(machine)
        check_frame(shown, installer[0])
        assert entries(shown, {}) == expected(installer, 1, shows)
