"""Sub-JHMDB: round trip of real annotations, splits, boxes, joints in their places."""
import json

import numpy as np
import pytest

from mmpose_gss.datasets import SubJHMDBVideoDataset
from mmpose_gss.datasets.converters import convert_sub_jhmdb
from mmpose_gss.datasets.converters.sub_jhmdb import mask_box


def clips_of(num_frames=4, seed=0):
    rng = np.random.default_rng(seed)
    joints = rng.uniform(60, 200, (2, 15, num_frames)).round(3)
    return dict(joints=joints, boxes=[(40.0, 50.0, 100.0 + i, 120.0) for i in range(num_frames)])


def test_real_annotations_come_back_equal(tmp_path, mini, testdata):
    real = json.loads((testdata / 'jhmdb/test_jhmdb_sub1.json').read_text())
    clips, members = {}, {}
    for image, ann in zip(real['images'], real['annotations']):
        assert ann['image_id'] == image['id']
        name = f'catch/{image["file_name"].split("/")[0]}'
        joints = np.reshape(ann['keypoints'], (15, 3))[:, :2].T[..., None]
        clips[name] = dict(joints=joints, boxes=[tuple(ann['bbox'])])
        members[name] = 2
    mini.write_sub_jhmdb(tmp_path / 'src', clips, {1: members})
    convert_sub_jhmdb(tmp_path / 'src', tmp_path / 'out')
    after = json.loads((tmp_path / 'out/annotations/Sub1_test.json').read_text())
    for content in (after, real):
        assert content['categories'][0]['keypoints'] == list(mini.JHMDB_JOINTS)
    assert len(after['annotations']) == len(real['annotations']) > 0
    for before, ann in zip(real['annotations'], after['annotations']):
        np.testing.assert_allclose(ann['keypoints'], before['keypoints'], atol=1e-9)
        assert ann['bbox'] == before['bbox']
    for before, image in zip(real['images'], after['images']):
        assert image['file_name'].endswith(before['file_name'])
        assert (image['width'], image['height']) == (before['width'], before['height'])


def test_splits_and_windows(tmp_path, mini):
    clips = {'catch/a': clips_of(4), 'walk/b': clips_of(5, 1), 'walk/c': clips_of(3, 2)}
    splits = {1: {'catch/a': 1, 'walk/b': 2, 'walk/c': 1}, 2: {'catch/a': 2, 'walk/b': 1, 'walk/c': 1},
              3: {'catch/a': 1, 'walk/b': 1, 'walk/c': 2}}
    mini.write_sub_jhmdb(tmp_path / 'src', clips, splits)
    for hidden in ('sub_splits/._catch_test_split_1.txt', 'Rename_Images/catch/a/._00001.png'):
        (tmp_path / 'src' / hidden).write_bytes(b'\x00\x05\x16\x07\xff')  # as in archives made by macOS
    report = convert_sub_jhmdb(tmp_path / 'src', tmp_path / 'out')
    assert report.counts['clips']['videos'] == 3 and report.counts['clips']['persons'] == 12
    sizes = {}
    for number in splits:
        for subset in ('train', 'test'):
            sizes[number, subset] = len(SubJHMDBVideoDataset(
                f'annotations/Sub{number}_{subset}.json', data_root=str(tmp_path / 'out')))
    assert sizes == {(1, 'train'): 7, (1, 'test'): 5, (2, 'train'): 8, (2, 'test'): 4, (3, 'train'): 9,
                     (3, 'test'): 3}
    dataset = SubJHMDBVideoDataset('annotations/Sub2_test.json', data_root=str(tmp_path / 'out'))
    window = [path[-9:] for path in dataset.get_data_info(0)['img_paths']]
    assert json.loads((tmp_path / 'out/annotations/Sub2_test.json').read_text())['images'][0]['nframes'] == 4
    assert window == ['00001.png', '00001.png', '00001.png', '00002.png', '00003.png']


def test_joints_are_in_their_places_and_zero_based(tmp_path, mini):
    clip = clips_of(1)
    for i in range(15):
        clip['joints'][:, i, 0] = (10 + i, 100 + i)
    mini.write_sub_jhmdb(tmp_path / 'src', {'catch/a': clip}, {1: {'catch/a': 1}})
    convert_sub_jhmdb(tmp_path / 'src', tmp_path / 'out')
    dataset = SubJHMDBVideoDataset('annotations/Sub1_train.json', data_root=str(tmp_path / 'out'))
    names = dataset.metainfo['keypoint_id2name']
    assert tuple(names[i] for i in range(15)) == mini.JHMDB_JOINTS
    info = dataset.get_data_info(0)
    for i in range(15):
        np.testing.assert_allclose(info['keypoints'][0, i], (9 + i, 99 + i))
    np.testing.assert_allclose(info['bbox'], [[39, 49, 139, 169]])
    assert (info['keypoints_visible'] == 1).all()


def test_same_as_mmpose_on_the_real_file(testdata):
    from mmpose.datasets import JhmdbDataset
    args = dict(ann_file='test_jhmdb_sub1.json', data_root=str(testdata / 'jhmdb'))
    ours, theirs = SubJHMDBVideoDataset(**args), JhmdbDataset(**args)
    assert len(ours) == len(theirs) > 0
    theirs = {info['id']: info for info in (theirs.get_data_info(i) for i in range(len(theirs)))}
    for i in range(len(ours)):
        info = ours.get_data_info(i)
        for key in ('keypoints', 'keypoints_visible', 'bbox'):
            np.testing.assert_array_equal(info[key], theirs[info['id']][key])


def test_frames_that_cannot_be_used_are_reported(tmp_path, mini):
    clip = clips_of(5)
    clip['boxes'][1] = (40.0, 50.0, -1.0, -1.0)  # an empty mask
    clip['boxes'].pop()  # the last frame has no mask
    clip['joints'][0, 0, 0] = np.nan
    mini.write_sub_jhmdb(tmp_path / 'src', {'catch/a': clip}, {1: {'catch/a': 1}})
    (tmp_path / 'src/Rename_Images/catch/a/00003.png').unlink()
    report = convert_sub_jhmdb(tmp_path / 'src', tmp_path / 'out')
    assert report.counts['clips']['persons'] == 1
    text = str(report)
    for words in ('2 skipped: frames without a puppet mask', 'not on disk', 'joints are not numbers',
                  '1 videos in "clips", but 316 are known'):
        assert words in text


def test_mask_box_is_one_based():
    mask = np.zeros((20, 30))
    mask[4:9, 10:16] = 1
    assert mask_box(mask) == [11, 5, 5, 4]
    assert mask_box(mask * 0) is None


def test_bad_sources_are_named(tmp_path, mini):
    with pytest.raises(FileNotFoundError, match='sub_splits'):
        convert_sub_jhmdb(tmp_path, tmp_path / 'out')
    mini.write_sub_jhmdb(tmp_path, {'catch/a': clips_of(2)}, {1: {'catch/a': 1}})
    (tmp_path / 'puppet_mask/catch/a/puppet_mask.mat').unlink()
    with pytest.raises(FileNotFoundError, match='puppet_mask.mat'):
        convert_sub_jhmdb(tmp_path, tmp_path / 'out')
    (tmp_path / 'sub_splits/catch_test_split_1.txt').write_text('a.avi seven\n')
    with pytest.raises(ValueError, match='a.avi seven'):
        convert_sub_jhmdb(tmp_path, tmp_path / 'out')
