"""PoseTrackVideoDataset: windows, joints, boxes, bad input, size and speed."""
import copy
import json
import pickle
import time
import tracemalloc

import numpy as np
import pytest
from mmengine.logging import MMLogger

from mmpose_gss.datasets import PoseTrackVideoDataset
from mmpose_gss.registry import DATASETS
from mmpose_gss.structures.clip_window import ClipWindow


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return str(path)


@pytest.fixture
def video(mini):
    """PoseTrack18's content of one clip of 7 frames, labelled at 0, 3 and 6, two people each."""
    return mini.posetrack18_video(mini.make_clip(labelled=(0, 3, 6)))


def build(tmp_path, content, **kwargs):
    return PoseTrackVideoDataset(write(tmp_path / 'ann.json', content), **kwargs)


def numbers(info):
    return [int(path.rsplit('/')[-1].split('.')[0]) for path in info['img_paths']]


def test_windows_are_clamped_at_both_ends(tmp_path, video):
    dataset = build(tmp_path, video)
    assert [numbers(dataset.get_data_info(i)) for i in (0, 2, 4)] == [
        [0, 0, 0, 1, 2], [1, 2, 3, 4, 5], [4, 5, 6, 6, 6]]
    info = dataset.get_data_info(0)
    assert info['img_path'] == info['img_paths'][info['key_index']] and info['key_index'] == 2


def test_clip_shorter_than_the_window(tmp_path, mini):
    dataset = build(tmp_path, mini.posetrack18_video(mini.make_clip(num_frames=1, labelled=(0, ))))
    assert numbers(dataset.get_data_info(0)) == [0] * 5
    dataset = build(tmp_path, mini.posetrack18_video(mini.make_clip(num_frames=2, labelled=(1, ))))
    assert numbers(dataset.get_data_info(0)) == [0, 0, 1, 1, 1]


@pytest.mark.parametrize('offsets, key', [((-4, 0, 1), 1), ((0, ), 0), ((-2, -1, 0), 2)])
def test_other_windows(tmp_path, video, offsets, key):
    info = build(tmp_path, video, frame_offsets=offsets).get_data_info(2)
    assert numbers(info) == [max(3 + o, 0) for o in offsets] and info['key_index'] == key


@pytest.mark.parametrize('offsets, words', [
    ((-1, 0), 'odd number'), ((-2, -1, 0, 1), 'odd number'), ((-1, 1, 2), 'contain 0'),
    ((1, 0, -1), 'increase'), ((0, 0, 1), 'increase'), ((), 'odd number')])
def test_bad_windows(tmp_path, video, offsets, words):
    with pytest.raises(ValueError, match=words) as error:
        build(tmp_path, video, frame_offsets=offsets)
    assert 'frame_offsets' in str(error.value)


def test_gaps_in_frame_numbers_of_listed_frames(tmp_path, mini):
    content = mini.posetrack18_video(mini.make_clip(num_frames=4, labelled=(1, )))
    for image, number in zip(content['images'], (3, 5, 9, 20)):
        image['file_name'] = f'images/val/000342_mpii_test/{number:06d}.jpg'
    dataset = build(tmp_path, content, first_frame=3)
    assert numbers(dataset.get_data_info(0)) == [3, 3, 5, 9, 20]


def test_frames_counted_in_the_folder(tmp_path, mini):
    content = mini.posetrack18_video(mini.make_clip(num_frames=9, labelled=(2, )))
    for image in content['images']:
        del image['nframes']
    folder = tmp_path / 'images/val/000342_mpii_test'
    mini.draw_frames(folder, 5)
    (folder / '000001.jpg').unlink()
    content['images'] = [image for image in content['images'] if image['is_labeled']]
    dataset = build(tmp_path, content, frames_from='folder', data_root=str(tmp_path))
    assert numbers(dataset.get_data_info(0)) == [0, 0, 2, 3, 4]
    with pytest.raises(FileNotFoundError, match='holds no'):
        build(tmp_path, content, frames_from='folder', data_root=str(tmp_path / 'elsewhere'))


def test_every_joint_is_in_its_place_and_ears_have_no_weight(tmp_path, mini, video):
    dataset = build(tmp_path, video)
    names = dataset.metainfo['keypoint_id2name']
    assert tuple(names[i] for i in range(17)) == mini.JOINTS18
    clip = mini.make_clip(labelled=(0, 3, 6))
    for i in range(len(dataset)):
        info = dataset.get_data_info(i)
        person = clip['frames'][(0, 3, 6)[i // 2]]['people'][i % 2]
        for k, joint in enumerate(mini.JOINTS18):
            if joint in person['points']:
                np.testing.assert_allclose(info['keypoints'][0, k], person['points'][joint], atol=1e-4)
            assert info['keypoints_visible'][0, k] == float(joint in person['points'])
    ears = [mini.JOINTS18.index(name) for name in ('left_ear', 'right_ear')]
    assert (dataset.metainfo['dataset_keypoint_weights'][ears] == 0).all()


def test_ears_keep_weight_zero_even_if_a_file_fills_them(tmp_path, video):
    for ann in video['annotations']:
        ann['keypoints'][9:15] = [50, 50, 1, 60, 60, 1]
    info = build(tmp_path, video).get_data_info(0)
    assert (info['keypoints_visible'][0, 3:5] == 0).all()


def test_joints_are_found_by_name(tmp_path, mini, video):
    straight = build(tmp_path, video).get_data_info(3)
    order = np.random.default_rng(0).permutation([i for i in range(17) if i not in (3, 4)])  # no ears
    video['categories'][0]['keypoints'] = [mini.JOINTS18[i] for i in order]
    for ann in video['annotations']:
        ann['keypoints'] = np.reshape(ann['keypoints'], (17, 3))[order].reshape(-1).tolist()
    info = build(tmp_path, video).get_data_info(3)
    np.testing.assert_array_equal(info['keypoints'], straight['keypoints'])
    np.testing.assert_array_equal(info['keypoints_visible'], straight['keypoints_visible'])
    video['categories'][0]['keypoints'][0] = 'tail'
    with pytest.raises(ValueError, match='has no joints'):
        build(tmp_path, video)


def test_samples_are_copies(tmp_path, video):
    for serialize in (True, False):
        dataset = build(tmp_path, video, serialize_data=serialize)
        before = copy.deepcopy(dataset.get_data_info(1))
        info = dataset.get_data_info(1)
        info['keypoints'] += 1
        info['bbox'] *= 0
        info['img_paths'].reverse()
        info['raw_ann_info']['keypoints'].clear()
        after = dataset.get_data_info(1)
        for key in ('keypoints', 'bbox'):
            np.testing.assert_array_equal(after[key], before[key])
        assert after['img_paths'] == before['img_paths'] and after['raw_ann_info'] == before['raw_ann_info']


def test_boxes_are_clipped_and_those_outside_left_out(tmp_path, video, monkeypatch):
    logged = []
    monkeypatch.setattr(MMLogger, 'warning', lambda self, message: logged.append(message))
    for image in video['images']:
        image.update(width=160, height=120)
    boxes = [[-10, -20, 60, 70], [100, 50, 500, 500], [500, 10, 20, 20], [-50, 0, 20, 20]]
    for ann, box in zip(video['annotations'], boxes):
        ann['bbox'] = box
    dataset = build(tmp_path, video)
    assert len(dataset) == 4
    np.testing.assert_allclose(dataset.get_data_info(0)['bbox'], [[0, 0, 50, 50]])
    np.testing.assert_allclose(dataset.get_data_info(1)['bbox'], [[100, 50, 159, 119]])
    assert len(logged) == 1 and 'ann.json": left out 2 boxes outside their image' in logged[0]


def test_size_of_frames_is_read_from_disk_if_the_file_lacks_it(tmp_path, mini, video):
    mini.draw_frames(tmp_path / 'images/val/000342_mpii_test', 7)
    video['annotations'][0]['bbox'] = [-10, -20, 600, 700]
    dataset = build(tmp_path, video, data_root=str(tmp_path))
    np.testing.assert_allclose(dataset.get_data_info(0)['bbox'], [[0, 0, 159, 119]])


def test_persons_without_joints_and_crowds_are_left_out(tmp_path, video):
    video['annotations'][0]['keypoints'] = [0] * 51
    del video['annotations'][1]['keypoints']
    video['annotations'][2]['iscrowd'] = 1
    assert len(build(tmp_path, video)) == 3


def test_single_joint_has_no_box(tmp_path, video):
    values = [0] * 51
    values[:3] = [30, 40, 1]
    video['annotations'][0].update(keypoints=values, bbox=[30, 40, 0, 0])
    video['annotations'][1].update(keypoints=values)
    assert len(build(tmp_path, video)) == 4


def broken(path, value):
    def change(content):
        target = content
        for key in path[:-1]:
            target = target[key]
        if value is KeyError:
            del target[path[-1]]
        else:
            target[path[-1]] = value
    return change


@pytest.mark.parametrize('change, words', [
    (broken(['annotations', 0, 'bbox'], [10, 10, 0, 50]), ('empty bbox', 'annotation 1000342000000 ')),
    (broken(['annotations', 0, 'bbox'], [10, 10, -5, 50]), ('empty bbox', )),
    (broken(['annotations', 0, 'bbox'], [10, float('nan'), 30, 50]), ('bbox', 'finite')),
    (broken(['annotations', 0, 'bbox'], [10, 10, 30]), ('bbox', 'four')),
    (broken(['annotations', 0, 'keypoints'], [1] * 45), ('"keypoints"', '17 joints need 51')),
    (broken(['annotations', 0, 'keypoints'], [float('nan')] * 51), ('"keypoints"', 'NaN')),
    (broken(['annotations', 0, 'image_id'], 1), ('image_id 1', )),
    (broken(['images', 0, 'nframes'], KeyError), ('"nframes"', 'frames_from')),
    (broken(['images', 0, 'nframes'], 0), ('"nframes"', )),
    (broken(['images'], KeyError), ('"images"', )),
    (broken(['annotations'], KeyError), ('"annotations"', )),
])
def test_broken_annotations_name_file_and_field(tmp_path, video, change, words):
    change(video)
    with pytest.raises(ValueError) as error:
        build(tmp_path, video)
    for word in (str(tmp_path / 'ann.json'), ) + words:
        assert word in str(error.value)
    assert '\n' not in str(error.value)


def test_frame_numbers_that_do_not_fit_nframes(tmp_path, video):
    video['images'] = [image for image in video['images'] if image['is_labeled']]  # now told by number
    with pytest.raises(ValueError, match='first_frame=1') as error:
        build(tmp_path, video, layout='posetrack17')
    assert '000000.jpg' in str(error.value)


def test_missing_and_unreadable_files(tmp_path):
    with pytest.raises(FileNotFoundError, match='nothing.json'):
        PoseTrackVideoDataset('nothing.json', data_root=str(tmp_path))
    (tmp_path / 'empty').mkdir()
    with pytest.raises(FileNotFoundError, match='no .json file'):
        PoseTrackVideoDataset('empty', data_root=str(tmp_path))
    (tmp_path / 'cut.json').write_text('{"images": [')
    with pytest.raises(ValueError, match='cut.json'):
        PoseTrackVideoDataset('cut.json', data_root=str(tmp_path))
    for argument in ({'data_mode': 'bottomup'}, {'frames_from': 'air'}, {'layout': 'posetrack99'}):
        with pytest.raises(ValueError, match=next(iter(argument.values()))):
            PoseTrackVideoDataset('cut.json', **argument)


def test_folder_of_files_equals_their_union(tmp_path, mini):
    clips = [mini.make_clip(), mini.make_clip('000009_mpii_test', seed=4)]
    for clip in clips:
        write(tmp_path / f'val/{clip["name"]}.json', mini.posetrack18_video(clip))
    dataset = PoseTrackVideoDataset('val', data_root=str(tmp_path))
    assert len(dataset) == 12
    assert {dataset.get_data_info(i)['vid_id'] for i in range(12)} == {'000342', '000009'}


@pytest.mark.parametrize('ann_file', ['annotations/test_posetrack18_val.json', 'annotations/val'])
def test_real_posetrack18(testdata, ann_file):
    from mmpose.datasets import PoseTrack18Dataset
    root = str(testdata / 'posetrack18')
    ours = PoseTrackVideoDataset(ann_file, data_root=root)
    theirs = PoseTrack18Dataset('annotations/test_posetrack18_val.json', data_root=root)
    theirs = {info['id']: info for info in (theirs.get_data_info(i) for i in range(len(theirs)))}
    assert len(ours) == len(theirs) == 14
    for i in range(14):
        info = ours.get_data_info(i)
        for key in ('keypoints', 'bbox', 'keypoints_visible', 'area'):
            np.testing.assert_allclose(info[key], theirs[info['id']][key], rtol=1e-6, err_msg=key)
        assert info['head_size'] > 0 and len(info['img_paths']) == 5


def test_detections_as_dcpose_and_as_mmpose_publish_them(tmp_path, mini, video):
    frames = {image['id']: image for image in video['images']}
    ids = [image['id'] for image in video['images'] if image['is_labeled']]
    boxes = [(ids[0], [5, 5, 40, 50], 0.9), (ids[2], [10, 20, 30, 40], 0.2), (ids[1], [1, 2, 3, 4], 0.19),
             (ids[1], [60, 20, 30, 40], 0.5)]
    dcpose = [dict(image_name=frames[key]['file_name'], bbox=box, score=score, category_id=1, nframes=7,
                   frame_id=key) for key, box, score in boxes]
    mmpose = [dict(image_id=key, bbox=box, score=score, category_id=1) for key, box, score in boxes]
    moved = [dict(item, image_name=item['image_name'].replace('images/val', 'pt18/val')) for item in dcpose]
    dcpose.append(dict(dcpose[0], category_id=2))
    found = []
    for i, content in enumerate((dcpose, mmpose, moved)):
        dataset = build(tmp_path, video, test_mode=True, bbox_file=write(tmp_path / f'{i}.json', content))
        found.append([dataset.get_data_info(k) for k in range(len(dataset))])
        assert [info['img_id'] for info in found[-1]] == [ids[0], ids[1], ids[2]]
        assert [info['box_source'] for info in found[-1]] == ['detected'] * 3
        np.testing.assert_allclose([info['bbox_score'][0] for info in found[-1]], [0.9, 0.5, 0.2])
        np.testing.assert_allclose(found[-1][1]['bbox'], [[60, 20, 90, 60]])
        assert numbers(found[-1][1]) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize('change, words', [
    (dict(bbox=[1, 2, float('nan'), 4]), 'detection 0 has bbox'),
    (dict(bbox=[1, 2, 3]), 'four finite numbers'),
    (dict(score=float('inf')), 'finite score'),
    (dict(image_name='images/val/000777_mpii_test/000000.jpg'), 'same data set and split'),
])
def test_broken_detections(tmp_path, video, change, words):
    item = dict(image_name='images/val/000342_mpii_test/000000.jpg', bbox=[1, 2, 30, 40], score=0.5,
                category_id=1)
    path = write(tmp_path / 'det.json', [dict(item, **change)])
    with pytest.raises(ValueError, match=words) as error:
        build(tmp_path, video, test_mode=True, bbox_file=path)
    assert path in str(error.value)


def test_annotations_and_detections_lie_under_one_root(tmp_path, video, monkeypatch):
    item = dict(image_name='images/val/000342_mpii_test/000000.jpg', bbox=[1, 2, 30, 40], score=0.5,
                category_id=1)
    (tmp_path / 'annotations').mkdir()
    write(tmp_path / 'annotations/ann.json', video)
    write(tmp_path / 'annotations/det.json', [item])
    elsewhere = tmp_path / 'elsewhere'
    (elsewhere / 'annotations').mkdir(parents=True)
    write(elsewhere / 'annotations/det.json', [])  # what a path from the working folder would find
    monkeypatch.chdir(elsewhere)
    names = dict(ann_file='annotations/ann.json', bbox_file='annotations/det.json')
    assert len(PoseTrackVideoDataset(data_root=str(tmp_path), test_mode=True, **names)) == 1
    names['bbox_file'] = str(elsewhere / 'annotations/det.json')
    assert len(PoseTrackVideoDataset(data_root=str(tmp_path), test_mode=True, **names)) == 0


def test_empty_detections_are_left_out(tmp_path, video):
    item = dict(image_name='images/val/000342_mpii_test/000000.jpg', score=0.5, category_id=1)
    path = write(tmp_path / 'det.json', [dict(item, bbox=[1, 2, 0, 4]), dict(item, bbox=[1, 2, 30, 40])])
    assert len(build(tmp_path, video, test_mode=True, bbox_file=path)) == 1
    with pytest.raises(FileNotFoundError, match='absent.json'):
        build(tmp_path, video, test_mode=True, bbox_file=str(tmp_path / 'absent.json'))


def test_nframes_as_matlab_writes_it(tmp_path, video):
    for image in video['images']:
        image['nframes'] = 7.0
    assert numbers(build(tmp_path, video).get_data_info(4)) == [4, 5, 6, 6, 6]


def test_nobody_to_train_on_or_to_test(tmp_path, video):
    video['annotations'] = []
    with pytest.raises(ValueError, match='no person to train on'):
        build(tmp_path, video)
    assert len(build(tmp_path, video, test_mode=True)) == 0
    path = write(tmp_path / 'det.json', [])
    assert len(build(tmp_path, video, test_mode=True, bbox_file=path)) == 0


def test_temporal_jitter(tmp_path, video):
    np.random.seed(0)
    dataset = build(tmp_path, video, temporal_jitter=1)
    seen = {tuple(dataset.get_data_info(2)['frame_offsets']) for _ in range(200)}
    assert len(seen) > 10
    for offsets in seen:
        assert list(offsets) == sorted(offsets) and offsets[2] == 0
        assert all(-3 <= o <= -1 for o in offsets[:2]) and all(1 <= o <= 3 for o in offsets[3:])
    assert build(tmp_path, video, temporal_jitter=1, test_mode=True).get_data_info(2)['frame_offsets'] == (
        -2, -1, 0, 1, 2)
    assert ClipWindow((-1, 0, 1)).jittered(0).offsets == (-1, 0, 1)


def large_annotation(num_clips=100, num_frames=50, people=2):
    images, annotations = [], []
    joints = np.random.default_rng(0).uniform(50, 600, (17, 3)).round(2)
    joints[:, 2] = 1
    joints = joints.reshape(-1).tolist()
    for clip in range(num_clips):
        for frame in range(num_frames):
            key = 10000000000 + clip * 10000 + frame
            images.append(dict(
                id=key, frame_id=key, vid_id=f'{clip:06d}', nframes=num_frames, is_labeled=True, width=1280,
                height=720, file_name=f'images/train/{clip:06d}_mpii_train/{frame:06d}.jpg',
                ignore_regions_x=[[1, 2, 3] * 20], ignore_regions_y=[[1, 2, 3] * 20]))
            for k in range(people):
                annotations.append(dict(id=key * 100 + k, image_id=key, category_id=1, track_id=k, scores=[],
                                        bbox=[50, 50, 500, 500], bbox_head=[100, 100, 40, 40],
                                        keypoints=joints))
    return dict(images=images, annotations=annotations,
                categories=[dict(id=1, name='person', supercategory='person')])


def test_ten_thousand_windows_load_fast_and_small(tmp_path):
    path = write(tmp_path / 'large.json', large_annotation())
    start = time.process_time()  # of this process, as others may run
    dataset = PoseTrackVideoDataset(path)
    assert time.process_time() - start < 5
    assert len(dataset) == 10000
    tenth = write(tmp_path / 'tenth.json', large_annotation(num_clips=10))  # tracing is slow
    tracemalloc.start()
    PoseTrackVideoDataset(tenth)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 10 * peak < 500e6
    # Workers share the samples: they are bytes in one array, not objects with reference counts.
    assert dataset.data_list == [] and isinstance(dataset.data_bytes, np.ndarray)
    assert dataset.data_bytes.nbytes < 50e6
    assert len(pickle.dumps(dataset.clips)) < 1e6


def test_workers_give_the_same_samples(tmp_path, mini, video):
    from mmengine.dataset import pseudo_collate
    from torch.utils.data import DataLoader

    from mmpose_gss.datasets.transforms import LoadClip, PackClipInputs
    mini.draw_frames(tmp_path / 'images/val/000342_mpii_test', 7)
    dataset = build(tmp_path, video, data_root=str(tmp_path), pipeline=[LoadClip(), PackClipInputs()])
    loads = [DataLoader(dataset, 2, num_workers=number, collate_fn=pseudo_collate) for number in (0, 2)]
    for one, other in zip(*loads):
        for a, b in zip(one['inputs'], other['inputs']):
            assert a.shape == (5, 3, 120, 160) and (a == b).all()


def test_registry():
    for name in ('PoseTrackVideoDataset', 'SubJHMDBVideoDataset'):
        assert DATASETS.get(f'mmpose_gss.{name}').__module__.startswith('mmpose_gss.datasets.body.')
