# SPDX-License-Identifier: Apache-2.0
"""`apus img` beside Debian's qemu-img: the same words, and each reads what the other wrote."""
import json
import os
import random
import re
import signal
import subprocess
import threading
import time

import pytest
import vm

pytestmark = pytest.mark.apus
APUS = [os.path.join(vm.ROOT, '.build', 'release', 'apus'), 'img']
QEMU = ['qemu-img']
FORMS = {
    'plain': 'compat=1.1', 'v2': 'compat=0.10', 'small': 'cluster_size=512', 'wide': 'cluster_size=2M',
    'counts1': 'refcount_bits=1', 'counts64': 'refcount_bits=64,cluster_size=4k', 'lazy': 'lazy_refcounts=on',
    'extended': 'extended_l2=on,cluster_size=64k', 'metadata': 'preallocation=metadata', 'falloc': 'preallocation=falloc',
    'full': 'preallocation=full', 'zstd': 'compression_type=zstd', 'data': 'data_file=NAME.data',
    'raw-data': 'data_file=NAME.data,data_file_raw=on', 'extended-metadata': 'extended_l2=on,preallocation=metadata',
}


def tool(program, *arguments, status=0, cwd=None):
    done = subprocess.run([*program, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, timeout=120)
    if status is not None:
        assert done.returncode == status, (arguments, done.stdout, done.stderr)
    return done


def io(path, *commands):
    done = subprocess.run(['qemu-io', *(part for command in commands for part in ('-c', command)), str(path)],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and 'verification failed' not in done.stdout, done.stdout + done.stderr


@pytest.fixture
def sample(tmp_path):
    """A raw disk with data, zeros that are stored, holes and an odd end."""
    path = tmp_path / 'sample.raw'
    generator = random.Random(5)
    with open(path, 'wb') as file:
        file.truncate((5 << 20) + 512)
        for offset, count in ((0, 70000), (1 << 20, 300000), (3 << 20, 4096), ((5 << 20) - 1000, 1512)):
            file.seek(offset)
            file.write(generator.randbytes(count))
        file.seek(2 << 20)
        file.write(bytes(100000))
    return path


def both(*arguments, cwd, status=0):
    """Runs the two tools alike and compares all they say."""
    results = [tool(program, *arguments, status=None, cwd=cwd) for program in (QEMU, APUS)]
    said = [(done.returncode, done.stdout, re.sub(r'(?m)^(qemu-img|apus img):', 'TOOL:', done.stderr.replace('qemu-img --help', 'H').replace('apus img --help', 'H'))) for done in results]
    assert said[0] == said[1]
    assert said[0][0] == status
    return said[0]


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('writer,reader', [(APUS, QEMU), (QEMU, APUS)], ids=['ours', 'theirs'])
def test_each_reads_what_the_other_converted(tmp_path, sample, form, writer, reader):
    options = FORMS[form].replace('NAME', str(tmp_path / 'x'))
    image = tmp_path / 'x.qcow2'
    tool(writer, 'convert', '-f', 'raw', '-O', 'qcow2', '-o', options, sample, image)
    for program in (writer, reader):
        tool(program, 'check', image)
        tool(program, 'compare', '-f', 'raw', '-F', 'qcow2', sample, image)
    back = tmp_path / 'back.raw'
    tool(reader, 'convert', '-f', 'qcow2', '-O', 'raw', image, back)
    assert back.read_bytes() == sample.read_bytes()


@pytest.mark.parametrize('form', ['plain', 'zstd', 'v2', 'small', 'extended'])
@pytest.mark.parametrize('writer,reader', [(APUS, QEMU), (QEMU, APUS)], ids=['ours', 'theirs'])
def test_compressed_images(tmp_path, sample, form, writer, reader):
    image = tmp_path / 'c.qcow2'
    tool(writer, 'convert', '-c', '-f', 'raw', '-O', 'qcow2', '-o', FORMS[form], sample, image)
    tool(QEMU, 'check', image)
    tool(reader, 'check', image)
    tool(reader, 'compare', '-f', 'raw', '-F', 'qcow2', sample, image)


@pytest.mark.parametrize('form', FORMS)
def test_images_of_ours_are_written_by_qemu_io(tmp_path, form):
    image = tmp_path / 'w.qcow2'
    tool(APUS, 'create', '-q', '-f', 'qcow2', '-o', FORMS[form].replace('NAME', str(tmp_path / 'w')), image, '8M')
    io(image, 'write -P 17 0 100k', 'write -P 18 1M 1M', 'write -z 1200k 64k', 'discard 3M 1M', 'write -P 19 7M 512')
    tool(APUS, 'check', image)
    tool(QEMU, 'check', image)
    raw = tmp_path / 'w.raw'
    tool(APUS, 'convert', '-O', 'raw', image, raw)
    tool(QEMU, 'compare', image, raw)


def test_backing_chains_rebase_commit(tmp_path, sample):
    tool(APUS, 'convert', '-f', 'raw', '-O', 'qcow2', sample, 'base.qcow2', cwd=tmp_path)
    tool(APUS, 'create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', 'mid.qcow2', cwd=tmp_path)
    io(tmp_path / 'mid.qcow2', 'write -P 5 1M 128k')
    tool(APUS, 'create', '-q', '-f', 'qcow2', '-b', 'mid.qcow2', '-F', 'qcow2', 'top.qcow2', cwd=tmp_path)
    io(tmp_path / 'top.qcow2', 'write -P 6 1100k 64k', 'write -z 0 64k')
    before = tmp_path / 'before.raw'
    tool(QEMU, 'convert', '-O', 'raw', tmp_path / 'top.qcow2', before)
    tool(APUS, 'compare', tmp_path / 'top.qcow2', before)
    both('info', '--backing-chain', 'top.qcow2', cwd=tmp_path)
    both('map', '--output=json', 'top.qcow2', cwd=tmp_path)
    tool(APUS, 'rebase', '-b', 'base.qcow2', '-F', 'qcow2', 'top.qcow2', cwd=tmp_path)
    tool(QEMU, 'compare', tmp_path / 'top.qcow2', before)
    tool(APUS, 'commit', 'top.qcow2', cwd=tmp_path)
    tool(QEMU, 'compare', tmp_path / 'base.qcow2', before)
    for name in ('base.qcow2', 'top.qcow2'):
        tool(QEMU, 'check', tmp_path / name)


def test_the_same_words(tmp_path, sample):
    tool(QEMU, 'convert', '-f', 'raw', '-O', 'qcow2', sample, 'a.qcow2', cwd=tmp_path)
    tool(QEMU, 'snapshot', '-c', 'first one', 'a.qcow2', cwd=tmp_path)
    tool(QEMU, 'bitmap', '--add', 'a.qcow2', 'b0', cwd=tmp_path)
    for arguments in (
            'info a.qcow2', 'info --output=json a.qcow2', 'info sample.raw', 'map a.qcow2', 'map --output=json a.qcow2',
            'map --output=json sample.raw', 'map sample.raw', 'map --output=json -s 64k -l 1M a.qcow2', 'check a.qcow2',
            'check --output=json a.qcow2', 'snapshot -l a.qcow2', 'compare a.qcow2 sample.raw',
            'measure -O qcow2 sample.raw', 'measure -O qcow2 a.qcow2', 'measure --output=json -O qcow2 a.qcow2',
            'measure -O raw a.qcow2', 'measure -O qcow2 --size 10G', 'measure -O qcow2 --size 1G -o cluster_size=512',
            'create -f qcow2 new.qcow2 5M', 'create -f qcow2 -o help', 'create -f raw -o help', 'create -f raw new.raw 1M',
            'create -f qcow2 -b a.qcow2 -F qcow2 over.qcow2', 'resize new.qcow2 +1M', 'resize --shrink new.qcow2 2M'):
        both(*arguments.split(' '), cwd=tmp_path)


@pytest.mark.parametrize('arguments,status', [
    ('info nope', 1), ('info', 1), ('info --output=xml sample.raw', 1), ('check sample.raw', 63), ('foo', 1), ('', 1),
    ('check nope', 1), ('check -r x sample.raw', 1), ('compare sample.raw', 1), ('compare sample.raw nope', 2),
    ('create', 1), ('create -f qcow2 x', 1), ('create -f foo x 1M', 1), ('create -f qcow2 -o foo=1 x 1M', 1),
    ('create -f qcow2 x 1X', 1), ('create -f qcow2 -o lazy_refcounts=maybe x 1M', 1), ('create -f qcow2 -b nope -F raw x', 1),
    ('create -f qcow2 -o cluster_size=3k x 1M', 1), ('create -f qcow2 -o compression_type=y x 1M', 1),
    ('create -f qcow2 /nonexist/x 1M', 1), ('snapshot -d nope q.qcow2', 1), ('snapshot -a nope q.qcow2', 1),
    ('rebase q.qcow2', 1), ('commit q.qcow2', 1), ('commit -b z q.qcow2', 1), ('resize q.qcow2 1M', 1),
    ('resize q.qcow2', 1), ('measure', 1), ('dd if=q.qcow2', 1), ('dd if=q.qcow2 of=z foo=1', 1), ('convert q.qcow2', 1),
    ('convert -O qcow2 -B z q.qcow2 y', 1), ('convert -c -O raw q.qcow2 y', 1), ('bitmap --add q.qcow2', 1),
    ('bitmap --remove q.qcow2 x', 1), ('amend q.qcow2', 1)])
def test_the_same_refusals(tmp_path, sample, arguments, status):
    tool(QEMU, 'create', '-q', '-f', 'qcow2', tmp_path / 'q.qcow2', '2M')
    both(*(arguments.split(' ') if arguments else ()), cwd=tmp_path, status=status)


def test_damage_is_found_and_repaired(tmp_path):
    image = tmp_path / 'd.qcow2'
    tool(QEMU, 'create', '-q', '-f', 'qcow2', image, '4M')
    io(image, 'write 0 256k')
    data = bytearray(image.read_bytes())
    table = int.from_bytes(data[48:56], 'big')
    block = int.from_bytes(data[table:table + 8], 'big')
    data[block + 2 * 5 + 1] = 2
    data[block + 2 * 11 + 1] = 1
    image.write_bytes(data + bytes(5 * 65536))
    both('check', 'd.qcow2', cwd=tmp_path, status=2)
    both('check', '--output=json', 'd.qcow2', cwd=tmp_path, status=2)
    tool(APUS, 'check', '-r', 'leaks', image)
    tool(QEMU, 'check', image)
    data[block + 2 * 6 + 1] = 0
    image.write_bytes(data + bytes(5 * 65536))
    tool(APUS, 'check', '-r', 'all', image)
    tool(QEMU, 'check', image)


def test_internal_snapshots(tmp_path):
    image = tmp_path / 's.qcow2'
    tool(APUS, 'create', '-q', '-f', 'qcow2', image, '4M')
    io(image, 'write -P 1 0 1M')
    tool(APUS, 'snapshot', '-c', 'one', image)
    io(image, 'write -P 2 512k 1M')
    tool(QEMU, 'snapshot', '-c', 'two', image)
    tool(APUS, 'check', image)
    tool(QEMU, 'check', image)
    tool(APUS, 'snapshot', '-a', 'one', image)
    tool(QEMU, 'check', image)
    io(image, 'read -P 1 0 1M', 'read -P 0 1M 1M')
    tool(APUS, 'snapshot', '-d', 'one', image)
    tool(APUS, 'snapshot', '-d', 'two', image)
    tool(QEMU, 'check', image)
    io(image, 'read -P 1 0 1M')


def test_called_as_qemu_img(tmp_path):
    link = tmp_path / 'qemu-img'
    link.symlink_to(APUS[0])
    assert 'Not enough arguments' in tool([str(link)], status=1).stderr
    assert tool([str(link)], 'create', '-f', 'raw', tmp_path / 'x', '1M').stdout.startswith('Formatting ')


def test_lengths_near_the_end_of_numbers_are_refused(tmp_path):
    tool(APUS, 'create', '-q', '-f', 'qcow2', '-o', 'cluster_size=2M', 'huge', '1E', cwd=tmp_path)
    for arguments in ('measure -O qcow2 --size 9223372036854775807', 'measure -O raw --size 9223372036854775807',
                      'create -f qcow2 x 9223372036854775807', 'create -f raw x 9223372036854775807',
                      'create -f raw x 0x7fffffffffffffff', 'resize huge +9223372036854775000',
                      'convert -O qcow2 huge huge huge huge huge huge huge huge huge x'):
        done = tool(APUS, *arguments.split(), status=1, cwd=tmp_path)
        assert done.stderr.startswith('apus img: ') and not (tmp_path / 'x').exists(), arguments


def test_a_disk_of_an_exbibyte_is_copied_in_bounded_memory(tmp_path):
    """It takes for ever, as with qemu-img; a list of its pieces would have filled memory first."""
    tool(APUS, 'create', '-q', '-f', 'qcow2', '-o', 'cluster_size=2M', 'huge', '1E', cwd=tmp_path)
    with subprocess.Popen(['sh', '-c', 'ulimit -v 2000000; exec "$@"', 'sh', *APUS, 'convert', '-O', 'qcow2', '-o', 'cluster_size=2M',
                           'huge', 'copy'], cwd=tmp_path) as process:
        time.sleep(1.5)
        assert process.poll() is None
        process.kill()


@pytest.fixture
def images(tmp_path):
    with open(tmp_path / 't.raw', 'wb') as file:
        file.truncate(1 << 20)
    with open(tmp_path / 'u.raw', 'wb') as file:
        file.write(bytes(1 << 20))
    tool(QEMU, 'create', '-q', '-f', 'qcow2', '-b', 't.raw', '-F', 'raw', 'o.qcow2', cwd=tmp_path)
    tool(QEMU, 'create', '-q', '-f', 'qcow2', 'q.qcow2', '1M', cwd=tmp_path)
    return tmp_path


Q, O = 'driver=qcow2,file.filename=q.qcow2', 'driver=qcow2,file.filename=o.qcow2'
OPTION_LISTS = [
    (f'info --image-opts {O}', 0), ('info --image-opts file.filename=o.qcow2', 0), ('info --image-opts foo', 1),
    (f'info --image-opts {O},bogus=1', 1), (f'info -f qcow2 --image-opts {O}', 1), (f'info --image-opts --backing-chain {O}', 0),
    ('info --image-opts driver=qcow2,file.driver=file,file.filename=none', 1), ('info --image-opts driver=raw,file.filename=o.qcow2', 0),
    (f'info --image-opts {O},backing.driver=raw,backing.file.filename=u.raw', 1), (f'info --image-opts -U {O},force-share=off', 1),
    (f'info --image-opts -U {O},force-share=on', 0), ('info --image-opts driver=file,filename=t.raw', 0),
    (f'info --image-opts --output=json {O}', 0), ('info --image-opts driver=nope,filename=t.raw', 1),
    ('info --image-opts driver=qcow2,file=o.qcow2', 1), ('info --image-opts', 1), (f'check --image-opts {O}', 0),
    (f'map --image-opts {Q}', 0), (f'map --output=json --image-opts {O}', 0), (f'measure -O qcow2 --image-opts {Q}', 0),
    ('compare --image-opts driver=raw,file.filename=t.raw driver=raw,file.filename=u.raw', 0),
    ('compare --image-opts -f raw driver=raw,file.filename=t.raw driver=raw,file.filename=u.raw', 2),
    (f'snapshot --image-opts -l {Q}', 0), ('create --image-opts x 1M', 1), ('dd --image-opts if=driver=raw,file.filename=t.raw of=z.raw', 0),
    ('dd --image-opts -f raw if=driver=raw,file.filename=t.raw of=z.raw', 1), (f'bitmap --image-opts -f qcow2 --add {Q} b', 1),
    (f'convert t.raw -n --target-image-opts {Q}', 0), (f'convert -c -n t.raw --target-image-opts {Q}', 0),
    ('convert -n --image-opts --target-image-opts driver=raw,file.filename=t.raw driver=raw,file.filename=u.raw', 0),
    (f'convert -n --target-image-opts driver=raw,file.filename=t.raw,offset=0,size=512 {Q}', 1),
    ('convert --image-opts driver=raw,file.filename=t.raw --target-image-opts driver=raw,file.filename=w.raw', 1),
    ('convert -n --target-image-opts -O raw t.raw driver=raw,file.filename=u.raw', 1),
    ('info --object secret,id=s,data=abc t.raw', 0), ('info --object secret,id=s t.raw', 1), ('info --object secret,data=x t.raw', 1),
    ('info --object secret,id=s,data=a,file=b t.raw', 1), ('info --object nosuch,id=s t.raw', 1), ('info --object secret,id=s,file=t.raw t.raw', 0),
    ('info --object secret,id=s,data=a --object secret,id=s,data=a t.raw', 1), ('info --object secret,id=s,format=base64,data=!! t.raw', 1),
    ('info --object secret,id=s,foo=1,data=a t.raw', 1), ('info --object secret,help t.raw', 0),
    ('info --object {"qom-type":"secret","id":"s","data":"abc"} t.raw', 0), ('create --object secret,id=s,data=a -q x.raw 1M', 0),
]


@pytest.mark.parametrize('line, status', OPTION_LISTS)
def test_options_of_images_and_objects_are_the_references(images, line, status):
    both(*line.split(' '), cwd=images, status=status)


def test_options_of_images_where_images_change(images):
    for program in (APUS, QEMU):
        for line in (f'resize --image-opts {Q} +1M', f'snapshot --image-opts -c s {Q}', f'bitmap --image-opts --add {Q} b',
                     f'amend --image-opts -o lazy_refcounts=on {Q}', f'rebase --image-opts -u -b u.raw -F raw {O}',
                     f'commit --image-opts {O}', f'snapshot --image-opts -d s {Q}', f'bitmap --image-opts --remove {Q} b',
                     f'rebase --image-opts -b t.raw -F raw {O}'):
            tool(program, *line.split(' '), cwd=images)
        assert json.loads(tool(QEMU, 'info', '--output=json', 'o.qcow2', cwd=images).stdout)['backing-filename'] == 't.raw'
    assert json.loads(tool(QEMU, 'info', '--output=json', 'q.qcow2', cwd=images).stdout)['virtual-size'] == 3 << 20
    for name in ('o.qcow2', 'q.qcow2'):
        tool(QEMU, 'check', '-q', name, cwd=images)


def test_an_object_that_cannot_be_made_is_refused_by_name(images):
    for line, sentence in (('info --object tls-creds-x509,id=t t.raw', "Objects of type 'tls-creds-x509' are not supported"),
                           ('info --object secret,id=s,data=a,keyid=k,iv=i t.raw',
                            "Secrets that are encrypted themselves ('keyid') are not supported"),
                           ('info --object secret,id=s,file=nothing t.raw', 'Unable to read nothing: No such file or directory'),
                           (f'info --image-opts {Q},encrypt.key-secret=s',
                            f"Could not open '{Q},encrypt.key-secret=s': Encryption of qcow2 images is not supported")):
        assert tool(APUS, *line.split(' '), status=1, cwd=images).stderr == f'apus img: {sentence}\n'
