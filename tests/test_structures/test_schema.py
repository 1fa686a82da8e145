"""Content of untrusted files: checked once, with the path of the field in the message."""
import json
import time

import pytest

from mmpose_gss.errors import UserError
from mmpose_gss.structures.coco_format import load_annotations
from mmpose_gss.structures.json_file import read_json
from mmpose_gss.structures.mat_file import read_mat
from mmpose_gss.structures.schema import check_coco, content_of, shown

GOOD = dict(images=[dict(id=1, file_name='a.jpg')], categories=[dict(name='person', keypoints=['nose'])],
            annotations=[dict(image_id=1, keypoints=[1, 2.5, 1]),
                         dict(image_id=1, keypoints=[0, 0, 0], bbox=None)])


def test_good_content_passes():
    assert check_coco(GOOD, 'ann.json') is GOOD


@pytest.mark.parametrize('where, number, field, value', [
    ('annotations', 1, 'keypoints', [1, 'x', 1]), ('annotations', 0, 'keypoints', None),
    ('annotations', 0, 'keypoints', [[1, 2, 3]]), ('annotations', 0, 'keypoints', [10**400, 1, 1]),
    ('annotations', 1, 'bbox', [1, 2, 3]), ('annotations', 1, 'bbox', 'box'),
    ('annotations', 0, 'image_id', [1]),
    ('annotations', 0, 'image_id', 1.5), ('annotations', 0, 'image_id', 10**400),
    ('annotations', 0, 'bbox_head', {}), ('annotations', 0, 'area', float('nan')),
    ('images', 0, 'id', None), ('images', 0, 'id', True), ('images', 0, 'file_name', 7),
    ('images', 0, 'file_name', 'x' * 5000), ('images', 0, 'width', float('inf')),
    ('images', 0, 'ignore_regions_x', [1]), ('categories', 0, 'keypoints', 'nose'),
    ('categories', 0, 'name', 3)])
def test_the_path_of_the_field_is_named(where, number, field, value):
    content = json.loads(json.dumps(GOOD))
    content[where][number][field] = value
    with pytest.raises(UserError) as caught:
        check_coco(content, 'ann.json')
    message = str(caught.value)
    assert message.startswith(f'"ann.json": {where}[{number}].{field} is ') and len(message) < 300


@pytest.mark.parametrize('content', [3, [], None, dict(images=3), dict(images=[3]),
                                     dict(annotations={'a': 1})])
def test_other_forms_are_refused(content):
    with pytest.raises(UserError, match='ann.json'):
        check_coco(content, 'ann.json')


@pytest.mark.parametrize('text', [b'[' * 100000, b'{"a":' * 100000, b'[' * 100000 + b']' * 100000, b'',
                                  b'\xff', b'{"a": 1', b'9' * 5000])
def test_json_that_is_none_is_one_sentence_with_its_file(tmp_path, text):
    path = tmp_path / 'x.json'
    path.write_bytes(text)
    with pytest.raises(UserError, match=r'x\.json" is not JSON') as caught:
        read_json(path)
    assert '\n' not in str(caught.value) and len(str(caught.value)) < 500


def test_a_file_that_ends_the_reader_is_refused(tmp_path, monkeypatch):
    """SciPy dies of some damaged files; here it is told to."""
    import os
    import signal

    import scipy.io
    path = tmp_path / 'x.mat'
    path.write_bytes(b'x')
    with pytest.raises(UserError, match=r'x\.mat" is no readable Matlab file'):
        read_mat(path)
    monkeypatch.setattr(scipy.io, 'loadmat', lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGSEGV))
    with pytest.raises(UserError, match='reading it ended the process'):
        read_mat(path)


def test_errors_of_content_name_the_file_and_others_pass():
    with pytest.raises(UserError, match='"x.npz" is not a thing .ValueError: odd.'):
        with content_of('x.npz', 'a thing'):
            raise ValueError('odd\nvery')
    with pytest.raises(FileNotFoundError), content_of('x', 'y'):
        open('/nowhere')
    with pytest.raises(UserError, match='^mine$'), content_of('x', 'y'):
        raise UserError('mine')


def test_what_is_shown_is_short():
    deep = []
    for _ in range(5000):
        deep = [deep]
    for value in (deep, 10**5000, 'x' * 10**6, [0] * 10**6, {i: i for i in range(9)}):
        assert len(shown(value)) <= 60


def test_large_files_are_read_at_8_mb_a_second(tmp_path):
    person = dict(category_id=1, track_id=3, bbox=[10.25, 20.5, 100.75, 200.125],
                  bbox_head=[1.5, 2.5, 30.5, 40.5], keypoints=[123.456, 78.9012, 1] * 17)
    count = 12 * 10**6 // len(json.dumps(dict(person, id=1, image_id=1)))
    content = dict(GOOD, images=[dict(id=i, file_name=f'v/{i:06d}.jpg') for i in range(count // 8 + 1)],
                   annotations=[dict(person, id=i, image_id=i // 8) for i in range(count)])
    path = tmp_path / 'big.json'
    path.write_text(json.dumps(content))
    assert path.stat().st_size > 11e6
    seconds = []
    for _ in range(3):  # the least of three: other work on the machine lengthens processor time, too
        start = time.process_time()
        load_annotations(str(path))
        seconds.append(time.process_time() - start)
    assert min(seconds) < 1.5
