# SPDX-License-Identifier: Apache-2.0
"""`apus compare`: equal, different and wrong, with masks of both kinds."""
import json
import os
import subprocess
import zlib

import pytest
import vm

pytestmark = pytest.mark.apus

WIDTH, HEIGHT = 64, 48


def ppm(changes=(), size=(WIDTH, HEIGHT), moved=(0, 0)):
    """A picture in which every pixel has another colour; `changes` are added to the red of pixels."""
    pixels = bytearray(size[0] * size[1] * 3)
    for y in range(size[1]):
        for x in range(size[0]):
            at = (y * size[0] + x) * 3
            pixels[at:at + 3] = bytes(((x - moved[0]) % 256, (y - moved[1]) % 256, 100))
    for x, y, difference in changes:
        pixels[(y * size[0] + x) * 3] += difference
    return b'P6\n%d %d\n255\n' % size + bytes(pixels)


def png(ppm_bytes):
    """The same as PNG, by the shortest way."""
    pixels = ppm_bytes[-WIDTH * HEIGHT * 3:]

    def chunk(kind, data):
        return len(data).to_bytes(4, 'big') + kind + data + zlib.crc32(kind + data).to_bytes(4, 'big')
    rows = b''.join(b'\0' + pixels[y * WIDTH * 3:(y + 1) * WIDTH * 3] for y in range(HEIGHT))
    header = WIDTH.to_bytes(4, 'big') + HEIGHT.to_bytes(4, 'big') + bytes((8, 2, 0, 0, 0))
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b'')


@pytest.fixture
def folder(tmp_path):
    (tmp_path / 'a.ppm').write_bytes(ppm())
    (tmp_path / 'a.png').write_bytes(png(ppm()))
    (tmp_path / 'b.ppm').write_bytes(ppm([(10, 20, 5), (12, 21, 9)]))
    (tmp_path / 'moved.ppm').write_bytes(ppm(moved=(2, -1)))
    return tmp_path


def compare(folder, *arguments, status, **options):
    done = subprocess.run([vm.emulator(), 'compare', *arguments], cwd=folder, capture_output=True, timeout=60, **options)
    output, errors = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == status, (output, errors)
    if status == 2:
        assert output == '' and errors.startswith('apus: compare: ') and errors.count('\n') == 1
        return errors
    assert errors == '' and output
    return output


def mask(folder, content, name='mask.json'):
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return name


def test_equal_in_both_formats(folder):
    for a, b in (('a.ppm', 'a.png'), ('a.png', 'a.ppm'), ('a.png', 'a.png')):
        assert compare(folder, a, b, status=0) == 'equal: 0 of 3072 compared pixels differ\n'


def test_different(folder):
    assert compare(folder, 'a.png', 'b.ppm', status=1) == \
        'different: 2 of 3072 compared pixels differ, by up to 9, within 3x2+10+20\n'
    compare(folder, 'a.png', 'b.ppm', '--tolerance', '8', status=1)
    compare(folder, '--tolerance=9', 'a.png', 'b.ppm', status=0)


def test_other_size(folder):
    (folder / 'c.ppm').write_bytes(ppm(size=(32, 48)))
    assert compare(folder, 'a.png', 'c.ppm', '--diff', 'd.png', status=1) == 'different: 64x48 pixels expected, 32x48 found\n'
    assert (folder / 'd.png').read_bytes().startswith(b'\x89PNG')


def test_rectangles_are_left_out(folder):
    name = mask(folder, [{'x': 10, 'y': 20, 'width': 3, 'height': 2}])
    assert '3066' in compare(folder, 'a.ppm', 'b.ppm', '--mask', name, status=0)
    name = mask(folder, {'ignore': [{'x': 10, 'y': 20, 'width': 3, 'height': 1}]})
    compare(folder, 'a.ppm', 'b.ppm', '--mask', name, status=1)
    other = mask(folder, [{'x': 12, 'y': 21, 'width': 1, 'height': 1}], 'other.json')
    compare(folder, 'a.ppm', 'b.ppm', f'--mask={name}', f'--mask={other}', status=0)


def needle(**extra):
    return {'area': [{'type': 'match', 'xpos': 4, 'ypos': 16, 'width': 20, 'height': 10} | extra], 'tags': ['ENV-test']}


def test_needle(folder):
    # 2 of 200 pixels differ
    compare(folder, 'a.ppm', 'b.ppm', '--mask', mask(folder, needle(match=99)), status=0)
    compare(folder, 'a.ppm', 'b.ppm', '--mask', mask(folder, needle()), status=0)
    text = compare(folder, 'a.ppm', 'b.ppm', '--mask', mask(folder, needle(match=99.5)), status=1)
    assert 'area 20x10+4+16: not found' in text
    exclude = needle(match=100)
    exclude['area'].append({'type': 'exclude', 'xpos': 12, 'ypos': 21, 'width': 1, 'height': 1})
    compare(folder, 'a.ppm', 'b.ppm', '--mask', mask(folder, exclude), status=1)
    exclude['area'].append({'type': 'exclude', 'xpos': 10, 'ypos': 20, 'width': 1, 'height': 1})
    exclude['area'].append({'type': 'ocr', 'xpos': 0, 'ypos': 0, 'width': 9, 'height': 9})
    compare(folder, 'a.ppm', 'b.ppm', '--mask', mask(folder, exclude), status=0)


def test_moved(folder):
    compare(folder, 'a.ppm', 'moved.ppm', status=1)
    text = compare(folder, 'a.ppm', 'moved.ppm', '--mask', mask(folder, needle(match=100)), status=0)
    assert text.splitlines()[1] == 'area 20x10+4+16: found +2,-1 away, 0 of 200 pixels differ'
    compare(folder, 'a.ppm', 'moved.ppm', '--mask', mask(folder, needle(match=100, margin=1)), status=1)
    compare(folder, 'a.ppm', 'moved.ppm', '--margin', '1', status=1)
    assert 'the picture: found +2,-1 away' in compare(folder, 'a.ppm', 'moved.ppm', '--margin', '2', status=0)


def test_difference_picture(folder):
    compare(folder, 'a.ppm', 'b.ppm', '--diff', 'd.png', status=1)
    # Read back by the tool itself: it is a picture, and another one than that without differences.
    compare(folder, 'a.ppm', 'a.ppm', '--diff', 'e.png', status=0)
    assert 'different:' in compare(folder, 'd.png', 'e.png', status=1)
    compare(folder, 'd.png', 'd.png', status=0)
    assert sorted(os.listdir(folder)) == ['a.png', 'a.ppm', 'b.ppm', 'd.png', 'e.png', 'moved.ppm']


def test_a_full_disk_leaves_the_old_picture(folder):
    (folder / 'd.png').write_bytes(b'old')
    errors = compare(folder, 'a.ppm', 'b.ppm', '--diff', 'd.png', status=2, preexec_fn=no_space)
    assert "cannot write 'd.png'" in errors and (folder / 'd.png').read_bytes() == b'old'
    assert not [name for name in os.listdir(folder) if name.endswith('.tmp')]


def no_space():
    """No file may grow beyond 16 bytes, which fails with EFBIG instead of a signal."""
    import resource
    import signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))


def test_standard_input(folder):
    compare(folder, 'a.ppm', '-', status=0, input=ppm())
    compare(folder, '-', 'b.ppm', status=1, input=ppm())


@pytest.mark.parametrize('arguments, words', [
    ((), 'give two pictures'), (('a.ppm',), 'give two pictures'), (('a.ppm', 'b.ppm', 'a.png'), 'give two pictures'),
    (('a.ppm', 'none'), "cannot read 'none': No such file"), (('a.ppm', '/'), "cannot read '/'"),
    (('a.ppm', 'b.ppm', '--tolerance', '256'), '0 to 255'), (('a.ppm', 'b.ppm', '--margin', 'x'), "not 'x'"),
    (('a.ppm', 'b.ppm', '--fuzz'), "unknown option '--fuzz'"), (('a.ppm', 'b.ppm', '--mask'), '--mask takes a value'),
    (('a.ppm', 'mask.json'), 'neither a binary PPM nor a PNG'), (('a.ppm', 'b.ppm', '--diff', 'no/d.png'), "cannot write 'no/d.png'"),
    (('a.ppm', 'b.ppm', '--diff', 'd.gif'), "--diff: 'd.gif' is no name for a PNG or PPM picture"),
    (('a.ppm', 'short.ppm'), "cannot read 'short.ppm': The picture is malformed: it ends before its last pixel"),
])
def test_wrong_use(folder, arguments, words):
    mask(folder, [])
    (folder / 'short.ppm').write_bytes(ppm()[:-1])
    assert words in compare(folder, *arguments, status=2)


@pytest.mark.parametrize('content, words', [
    ('{', 'is not JSON'), ('7', 'is neither'), ({'area': []}, 'without any match area'), ([{'x': 1, 'y': 2}], "'width' of rectangle 1"),
    ([{'x': 0.5, 'y': 0, 'width': 1, 'height': 1}], "'x' of rectangle 1"), ([{'x': 0, 'y': 0, 'width': 0, 'height': 1}], "'width'"),
    (needle(type='click'), "unknown 'type' in area 1"), (needle(match=101), 'percentage'), (needle(match='96'), 'percentage'),
    (needle(margin=-1), "'margin'"), (needle(width=61), 'area of 61x10+4+16, which is not inside'), (needle(xpos=-1), 'not inside'),
    ([[]], "'x' of rectangle 1"), ('', 'is not JSON'), ([{'x': 10**30, 'y': 0, 'width': 1, 'height': 1}], "'x'"),
])
def test_wrong_masks(folder, content, words):
    assert words in compare(folder, 'a.ppm', 'b.ppm', '--mask', mask(folder, content), status=2)


def test_help(folder):
    assert compare(folder, '--help', status=0).startswith('usage: apus compare')
