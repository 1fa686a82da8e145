"""Conversion of PoseTrack17, 18 and 21: round trips, resuming, reports, bad sources."""
import json

import numpy as np
import pytest

from mmpose_gss.datasets import PoseTrackVideoDataset
from mmpose_gss.datasets.converters import convert_posetrack17, convert_posetrack18, convert_posetrack21
from mmpose_gss.structures.annolist import read_annolist


def samples(root, name, layout, **kwargs):
    dataset = PoseTrackVideoDataset(
        f'annotations/{name}_val.json', layout=layout, data_root=str(root), test_mode=True, **kwargs)
    return [dataset.get_data_info(i) for i in range(len(dataset))]


def assert_same_samples(left, right):
    assert len(left) == len(right) > 0
    for a, b in zip(left, right):
        for key in ('keypoints', 'keypoints_visible', 'bbox', 'bbox_head', 'head_size', 'area'):
            np.testing.assert_allclose(a[key], b[key], rtol=0, atol=1e-3, err_msg=key)
        for key in ('id', 'img_id', 'frame_id', 'vid_id', 'track_id', 'key_index', 'num_keypoints',
                    'frame_position'):
            assert a[key] == b[key], key


@pytest.mark.parametrize('kind', ['mat', 'json'])
@pytest.mark.parametrize('first', [1, 37])
def test_posetrack17_and_18_of_a_clip_give_the_same_samples(tmp_path, mini, kind, first):
    clips = [mini.make_clip(), mini.make_clip('000009_bonn_test', 3, (0, 2), 1, seed=1)]
    clips[1]['name'] = '000009_mpii_test'
    mini.write_posetrack17(tmp_path / 'src17', clips, kind, first=first)
    mini.write_posetrack18(tmp_path / 'src18', clips)
    convert_posetrack17(tmp_path / 'src17', tmp_path / 'out17')
    convert_posetrack18(tmp_path / 'src18', tmp_path / 'out18')
    left = samples(tmp_path / 'out17', 'posetrack17', 'posetrack17')
    right = samples(tmp_path / 'out18', 'posetrack18', 'posetrack18')
    assert_same_samples(left, right)
    assert [path.rsplit('/')[-1] for path in left[-1]['img_paths']] == [
        f'{first + i:08d}.jpg' for i in (2, 3, 4, 5, 6)]


def test_posetrack18_keeps_joints_heads_ids_and_regions(tmp_path, mini):
    clip = mini.make_clip()
    mini.write_posetrack18(tmp_path / 'src', [clip])
    report = convert_posetrack18(tmp_path / 'src', tmp_path / 'out')
    source = json.loads((tmp_path / 'src/annotations/val/000342_mpii_test.json').read_text())
    video = json.loads((tmp_path / 'out/annotations/val/000342_mpii_test.json').read_text())
    split = json.loads((tmp_path / 'out/annotations/posetrack18_val.json').read_text())
    assert video['images'] == split['images'] and video['annotations'] == split['annotations']
    for before, after in zip(source['annotations'], video['annotations']):
        assert before.items() <= after.items()
        assert 'bbox' in after and after['num_keypoints'] in (14, 15)
    for before, after in zip(source['images'], video['images']):
        assert before.items() <= after.items()
        assert (after['width'], after['height']) == mini.SIZE
    assert report.counts['val']['labelled frames'] == 3 and report.counts['val']['persons'] == 6
    assert 'but 170 are known' in str(report) and 'split "train" was not found' in str(report)


def test_box_is_the_joints_extent_and_fifteen_percent(tmp_path, mini):
    clip = mini.make_clip()
    mini.write_posetrack18(tmp_path / 'src', [clip])
    convert_posetrack18(tmp_path / 'src', tmp_path / 'out')
    ann = json.loads((tmp_path / 'out/annotations/posetrack18_val.json').read_text())['annotations'][0]
    points = np.array(list(clip['frames'][2]['people'][0]['points'].values()))
    size = np.ptp(points, axis=0)
    np.testing.assert_allclose(ann['bbox'], [*(points.min(0) - 0.15 * size), *(1.3 * size)])


def test_real_posetrack18_files_come_back_equal(tmp_path, testdata):
    convert_posetrack18(testdata / 'posetrack18', tmp_path)
    after = {ann['id']: ann for ann in
             json.loads((tmp_path / 'annotations/posetrack18_val.json').read_text())['annotations']}
    number = 0
    for path in sorted((testdata / 'posetrack18/annotations/val').glob('*.json')):
        for before in json.loads(path.read_text())['annotations']:
            for field in ('keypoints', 'bbox_head', 'bbox', 'track_id', 'image_id'):
                assert after[before['id']][field] == before[field]
            number += 1
    assert number == len(after) > 10


def test_posetrack21_keeps_person_ids(tmp_path, mini):
    mini.write_posetrack18(tmp_path / 'src', [mini.make_clip()], 'posetrack_data', with_person_id=True)
    convert_posetrack21(tmp_path / 'src', tmp_path / 'out')
    infos = samples(tmp_path / 'out', 'posetrack21', 'posetrack21')
    assert [info['person_id'] for info in infos] == [1005, 1006] * 3


def test_joints_are_mapped_by_name(tmp_path, mini):
    clip = mini.make_clip()
    mini.write_posetrack18(tmp_path / 'src', [clip])
    convert_posetrack18(tmp_path / 'src', tmp_path / 'straight')
    path = tmp_path / 'src/annotations/val/000342_mpii_test.json'
    content = json.loads(path.read_text())
    order = np.random.default_rng(3).permutation(17)
    content['categories'][0]['keypoints'] = [mini.JOINTS18[i] for i in order]
    for ann in content['annotations']:
        ann['keypoints'] = np.reshape(ann['keypoints'], (17, 3))[order].reshape(-1).tolist()
    path.write_text(json.dumps(content))
    convert_posetrack18(tmp_path / 'src', tmp_path / 'shuffled')
    assert_same_samples(samples(tmp_path / 'straight', 'posetrack18', 'posetrack18'),
                        samples(tmp_path / 'shuffled', 'posetrack18', 'posetrack18'))


def test_renamed_frames_are_used_if_only_they_are_there(tmp_path, mini):
    clip = mini.make_clip()
    mini.write_posetrack17(tmp_path / 'src', [clip], 'mat', first=37, images='images_renamed/bonn_5sec',
                           first_on_disk=1)
    report = convert_posetrack17(tmp_path / 'src', tmp_path / 'out')
    info = samples(tmp_path / 'out', 'posetrack17', 'posetrack17')[0]
    assert info['img_path'].endswith(f'images_renamed/bonn_5sec/{clip["name"]}/00000003.jpg')
    assert not report.skipped['val']


def test_occluded_joints(tmp_path, mini):
    clip = mini.make_clip()
    content = mini.annolist_json(clip)
    content['annolist'][2]['annorect'][0]['annopoints'][0]['point'][0]['is_visible'] = [0]
    path = tmp_path / 'src/annotations/val/000342_mpii_test.json'
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))
    for keep, weight in ((False, 0), (True, 1)):  # the option alone makes it convert anew
        convert_posetrack17(tmp_path / 'src', tmp_path / 'out', keep_occluded=keep)
        info = samples(tmp_path / 'out', 'posetrack17', 'posetrack17')[0]
        assert info['keypoints_visible'][0, mini.JOINTS18.index('right_ankle')] == weight


def test_broken_points_of_posetrack17_are_reported(tmp_path, mini):
    content = mini.annolist_json(mini.make_clip())
    points = content['annolist'][2]['annorect'][0]['annopoints'][0]['point']
    points[0]['id'] = [15]
    points[1]['x'] = ['nan']
    points[2]['y'] = []
    path = tmp_path / 'src/annotations/val/000342_mpii_test.json'
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))
    report = convert_posetrack17(tmp_path / 'src', tmp_path / 'out')
    assert '1 skipped: points with an unknown joint number' in str(report)
    assert '2 skipped: points whose coordinates are not numbers' in str(report)
    assert samples(tmp_path / 'out', 'posetrack17', 'posetrack17')[0]['num_keypoints'] == 12


def test_conversion_resumes(tmp_path, mini):
    clips = [mini.make_clip(), mini.make_clip('000009_mpii_test', seed=1)]
    mini.write_posetrack18(tmp_path / 'src', clips)
    first = convert_posetrack18(tmp_path / 'src', tmp_path / 'out')
    split = (tmp_path / 'out/annotations/posetrack18_val.json').read_bytes()
    done = tmp_path / 'out/annotations/val/000342_mpii_test.json'
    (tmp_path / 'out/annotations/val/000009_mpii_test.json').write_text('{"images": [')  # cut short
    stamp = done.stat().st_mtime_ns
    again = convert_posetrack18(tmp_path / 'src', tmp_path / 'out')
    assert again.reused == 1 and done.stat().st_mtime_ns == stamp
    assert again.counts == first.counts
    assert (tmp_path / 'out/annotations/posetrack18_val.json').read_bytes() == split
    convert_posetrack18(tmp_path / 'src', tmp_path / 'out', overwrite=True)
    assert done.stat().st_mtime_ns > stamp


def test_report_counts_what_was_left_out(tmp_path, mini):
    mini.write_posetrack18(tmp_path / 'src', [mini.make_clip()])
    path = tmp_path / 'src/annotations/val/000342_mpii_test.json'
    content = json.loads(path.read_text())
    content['annotations'][0]['keypoints'] = content['annotations'][0]['keypoints'][:-3]
    content['annotations'][1]['image_id'] = 7
    content['annotations'][2]['bbox'] = [1, 2, float('nan'), 4]
    content['annotations'][3]['keypoints'] = [0] * 51
    path.write_text(json.dumps(content))
    (tmp_path / 'src/images/val/000342_mpii_test/000006.jpg').unlink()
    report = convert_posetrack18(tmp_path / 'src', tmp_path / 'out')
    assert sorted(report.skipped['val'].values()) == [1, 1, 1, 1]
    text = str(report)
    for words in ('wrong number of joints', 'frames that are not listed', 'boxes that are broken',
                  'not on disk', '1 persons without joints'):
        assert words in text
    assert 'NaN' not in (tmp_path / 'out/annotations/posetrack18_val.json').read_text()


def test_label_version(tmp_path, mini):
    clips = [mini.make_clip(f'{i:06d}_mpii_test', 1, (0, ), 1) for i in range(74)]
    mini.write_posetrack18(tmp_path / 'src', clips)
    report = convert_posetrack18(tmp_path / 'src', tmp_path / 'out')
    assert report.label_versions == {'val': 'v0.2'} and 'labels v0.2' in str(report)
    info = json.loads((tmp_path / 'out/annotations/posetrack18_val.json').read_text())['info']
    assert info['labels'] == 'v0.2' and info['videos'] == 74


@pytest.mark.parametrize('content, words', [
    ('{"images": [', 'is not JSON'),
    ('{"images": [], "categories": []}', 'has no "annotations"'),
    ('{"images": [{}], "annotations": [], "categories": []}', 'has no "file_name"'),
])
def test_bad_posetrack18_files_are_named(tmp_path, content, words):
    path = tmp_path / 'annotations/val/000001_mpii_test.json'
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(ValueError, match=words) as error:
        convert_posetrack18(tmp_path, tmp_path / 'out')
    assert str(path) in str(error.value)


def test_bad_posetrack17_files_are_named(tmp_path):
    path = tmp_path / 'annotations/val/000001_mpii_test.mat'
    path.parent.mkdir(parents=True)
    path.write_bytes(b'no matlab')
    with pytest.raises(ValueError, match='no readable Matlab file') as error:
        convert_posetrack17(tmp_path, tmp_path / 'out')
    assert str(path) in str(error.value)


def test_source_is_never_overwritten(tmp_path, mini):
    mini.write_posetrack18(tmp_path, [mini.make_clip()])
    with pytest.raises(ValueError, match='another output folder'):
        convert_posetrack18(tmp_path, tmp_path)
    with pytest.raises(FileNotFoundError, match='train,val'):
        convert_posetrack18(tmp_path / 'nothing', tmp_path / 'out')


def test_matlab_and_json_forms_of_posetrack17_are_the_same(tmp_path, mini):
    clip = mini.make_clip()
    for kind in ('mat', 'json'):
        mini.write_posetrack17(tmp_path / kind, [clip], kind)
    folder = 'annotations/val/000342_mpii_test'
    from_mat, from_json = (read_annolist(tmp_path / kind / f'{folder}.{kind}') for kind in ('mat', 'json'))
    assert from_mat == from_json and sum(len(frame.people) for frame in from_json) == 6
