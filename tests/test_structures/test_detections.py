"""Boxes in files: what is read, which image or frame of a video they belong to, what is refused."""
import json

import numpy as np
import pytest

from mmpose_gss.errors import UserError
from mmpose_gss.structures.detections import ImageIndex, load_detections
from mmpose_gss.structures.video_detections import match_video

ID = 10003420000                                     # PoseTrack18's id of frame 0 of 000342_mpii_test
BOX = dict(bbox=[1, 2, 3, 4], score=0.5)


def detections(tmp_path, entries):
    path = tmp_path / 'boxes.json'
    path.write_text(json.dumps([dict(BOX, **entry) for entry in entries]))
    return load_detections(path)


def test_fields_of_every_origin(tmp_path):
    found = detections(tmp_path, [
        dict(image_name='images/val/v/000000.jpg', nframes=3, frame_id=ID, category_id=1),      # PoseWarper
        dict(image_id=ID + 1, category_id=1), dict(image_id=ID + 1, category_id=2),             # COCO
        dict(frame_id=7.0, track_id=4)])
    assert len(found) == 3 and found.boxes.tolist() == [[1, 2, 3, 4]] * 3
    assert found.names == ('images/val/v/000000.jpg', None, None) and found.ids == (ID, ID + 1, 7)
    assert found.tracks.tolist() == [-1, -1, 4]
    assert len(detections(tmp_path, [])) == 0


@pytest.mark.parametrize('entry, words', [
    (dict(frame_id=1.5), 'frame_id 1.5, but a whole number'), (dict(frame_id=-1), 'frame_id -1'),
    (dict(image_id='7'), "image_id '7'"), (dict(frame_id=True), 'frame_id True'),
    (dict(frame_id=None), 'frame_id None'), (dict(image_name=7), 'image_name 7, which is no text'),
    (dict(frame_id=0, track_id='a'), "track_id 'a'"), (dict(), 'neither "image_name" nor'),
    (dict(frame_id=0, bbox=7), 'bbox 7'), (dict(frame_id=0, bbox=[1, 2, 3, 'x']), 'four finite'),
    (dict(frame_id=0, score='high'), 'finite score')])
def test_broken_fields_are_named(tmp_path, entry, words):
    with pytest.raises(UserError, match=words) as caught:
        detections(tmp_path, [dict(frame_id=0), entry])
    assert 'boxes.json": detection 1 ' in str(caught.value) and '\n' not in str(caught.value)


@pytest.mark.parametrize('text', ['{', '{}', '[1]', '[' * 100000])
def test_what_is_no_list_of_boxes_is_named(tmp_path, text):
    path = tmp_path / 'boxes.json'
    path.write_text(text)
    with pytest.raises(UserError, match='boxes.json'):
        load_detections(path)


def test_images_are_found_by_name_by_tail_and_by_id(tmp_path):
    index = ImageIndex([f'images/val/{video}/{i:06d}.jpg' for video in 'ab' for i in range(2)], [5, 6, 7, 8])
    found = index.match(detections(tmp_path, [
        dict(image_name='images/val/b/000000.jpg'), dict(image_name='elsewhere/a/000001.jpg', image_id=99),
        dict(image_id=8), dict(frame_id=5), dict(image_id=9), dict(image_name='images/val/c/000000.jpg')]))
    assert found.tolist() == [2, 1, 3, 0, -1, -1]


def names(video, numbers, pattern='{:06d}.jpg'):
    return [dict(image_name=f'images/val/{video}/{pattern.format(i)}') for i in numbers]


@pytest.mark.parametrize('folder', ['000342_mpii_test', 'renamed'])
def test_a_folder_of_images_matches_by_name(tmp_path, folder):
    frames = [f'/data/{folder}/{i:06d}.jpg' for i in range(3, 7)]
    boxes = names('000342_mpii_test', [4, 6, 6, 9])
    assert match_video(detections(tmp_path, boxes), folder, 4, frames).tolist() == [1, 3, 3, -1]
    if folder != 'renamed':
        boxes += names('000009_mpii_test', [4])
        assert match_video(detections(tmp_path, boxes), folder, 4, frames).tolist() == [1, 3, 3, -1, -1]


@pytest.mark.parametrize('pattern, first', [('{:06d}.jpg', 0), ('{:08d}.jpg', 1), ('{:05d}.png', 1)])
@pytest.mark.parametrize('video', ['000342_mpii_test', 'walk'])
def test_a_video_file_matches_by_the_number_in_the_name(tmp_path, pattern, first, video):
    boxes = names('000342_mpii_test', [first + 1, first + 2], pattern)
    assert match_video(detections(tmp_path, boxes), video, 9).tolist() == [1, 2]


def test_numbers_count_from_one_where_ids_or_the_last_frame_say_so(tmp_path):
    boxes = [dict(box, image_id=ID + i) for i, box in enumerate(names('v', [1, 2], '{:06d}.jpg'))]
    assert match_video(detections(tmp_path, boxes), 'v', 9).tolist() == [0, 1]
    assert match_video(detections(tmp_path, names('v', [2, 5])), 'v', 5).tolist() == [1, 4]
    assert match_video(detections(tmp_path, names('v', [0, 5], '{:08d}.jpg')), 'v', 9).tolist() == [0, 5]


@pytest.mark.parametrize('video', ['000342_mpii_test', 'walk'])
def test_posetrack_ids_tell_video_and_frame(tmp_path, video):
    boxes = [dict(image_id=ID + 5), dict(frame_id=ID)]
    assert match_video(detections(tmp_path, boxes), video, 9).tolist() == [5, 0]
    if video != 'walk':
        boxes.append(dict(image_id=ID + 10005))
        assert match_video(detections(tmp_path, boxes), video, 9).tolist() == [5, 0, -1]


@pytest.mark.parametrize('ids, expected', [
    ([0, 2, 2], [0, 2, 2]), ([1, 3], [0, 2]), ([501, 502, 503], [0, 1, 2])])
def test_plain_ids(tmp_path, ids, expected):
    assert match_video(detections(tmp_path, [dict(image_id=i) for i in ids]), 'v', 3).tolist() == expected


@pytest.mark.parametrize('boxes, video, words', [
    (names('a', [0]) + names('b', [0]), 'walk', 'images are of a, b'),
    (names('000342_mpii_test', [0]), '000009_mpii_test', 'images are of 000342_mpii_test'),
    ([dict(image_id=ID)], '000009_mpii_test', 'videos with the numbers 342'),
    ([dict(image_id=ID), dict(image_id=ID + 10000)], 'walk', 'videos with the numbers 342, 343'),
    ([dict(image_id=501), dict(image_id=503)], 'walk', 'go from 501 to 503'),
    (names('walk', [77]), 'walk', 'not among its 3'),
    ([dict(image_name='walk/first.jpg')], 'walk', '"first.jpg" has no frame number'),
    (names('walk', [7]) + [dict(image_id=1)], 'walk', 'some have an "image_name"')])
def test_boxes_of_other_videos_are_refused_in_one_sentence(tmp_path, boxes, video, words):
    with pytest.raises(UserError, match=words) as caught:
        match_video(detections(tmp_path, boxes), video, 3)
    message = str(caught.value)
    assert f'None of the {len(boxes)} boxes' in message and 'boxes.json' in message and '\n' not in message


def test_nothing_found_is_no_error(tmp_path):
    assert match_video(detections(tmp_path, []), 'v', 3).shape == (0, )
    assert np.issubdtype(match_video(detections(tmp_path, [dict(image_id=0)]), 'v', 0).dtype, np.integer)


def test_boxes_of_other_categories_are_counted_or_refused(tmp_path):
    path = tmp_path / 'boxes.json'
    boxes = [dict(bbox=[0, 0, 5, 5], score=1, image_id=i, category_id=category)
             for i, category in enumerate((1, 3, 18))]
    path.write_text(json.dumps(boxes))
    found = load_detections(path)
    assert len(found) == 1 and '2 of 3 boxes have another category_id (18, 3)' in found.notes[0]
    path.write_text(json.dumps(boxes[1:]))
    with pytest.raises(UserError, match='2 of 2 boxes have another category_id'):
        load_detections(path)
    path.write_text(json.dumps(boxes[:1]))
    assert load_detections(path).notes == ()


@pytest.mark.parametrize('value', [-1, 1.5, '3', None, True, [1], float('nan')])
@pytest.mark.parametrize('field', ['frame_id', 'image_id'])
def test_ids_that_are_no_whole_numbers_are_refused(tmp_path, field, value):
    path = tmp_path / 'boxes.json'
    path.write_text(json.dumps([{'bbox': [0, 0, 5, 5], 'score': 1, field: value}]))
    with pytest.raises(UserError, match=rf'boxes.json": detection 0 has {field} .*whole number from 0 on'):
        load_detections(path)
