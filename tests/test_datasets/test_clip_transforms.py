"""LoadClip, augmentation and packing: one affine for all frames, no frame decoded twice, clear errors."""
import copy
import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate

from mmpose_gss.datasets import PoseTrackVideoDataset
from mmpose_gss.datasets.transforms import (
    ClipBBoxTransform,
    DropFrames,
    LoadClip,
    MotionBlurClip,
    PackClipInputs,
    RandomClipFlip,
    ReverseTime,
    StrideJitter,
)
from mmpose_gss.datasets.transforms.temporal import line_kernel

BASES = Path(__file__).resolve().parents[2] / 'configs/_base_/datasets'
SIZE = (200, 150)


def base(name='posetrack18_video'):
    return Config.fromfile(BASES / f'{name}.py')


def marked_frames(folder, num_frames=7, name='{:06d}.png'):
    """Frames with the same marks, so that their crops must be equal, on grey that tells the frame."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    marks = rng.integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    for i in range(num_frames):
        image = marks.copy()
        image[:8, :8] = 10 * i
        cv2.imwrite(str(folder / name.format(i)), image)
    return [str(folder / name.format(i)) for i in range(num_frames)], marks


def person(**kwargs):
    info = dict(
        bbox=np.array([[40, 30, 120, 130]], dtype=np.float32), bbox_score=np.ones(1, dtype=np.float32),
        keypoints=np.random.default_rng(1).uniform((45, 35), (115, 125), (1, 17, 2)).astype(np.float32),
        keypoints_visible=np.ones((1, 17), dtype=np.float32), id=1, img_id=1, key_index=2)
    meta = PoseTrackVideoDataset(lazy_init=True).metainfo
    for key in ('upper_body_ids', 'lower_body_ids', 'flip_pairs', 'flip_indices', 'dataset_keypoint_weights'):
        info[key] = meta[key]
    info.update(kwargs)
    return info


@pytest.mark.parametrize('seed', range(6))
def test_all_frames_are_augmented_alike(tmp_path, seed):
    paths, _ = marked_frames(tmp_path)
    np.random.seed(seed)
    packed = Compose(base().train_pipeline)(person(img_paths=paths[:5]))
    inputs = packed['inputs']
    assert inputs.shape == (5, 3, 256, 192) and inputs.dtype == torch.uint8
    outside = inputs.float().mean(dim=(1, 2, 3)) > 0
    assert outside.all()
    # The marks are the same in all frames but for the corner that tells the frame, which may be in view.
    difference = (inputs.float() - inputs[2].float()).abs().amax(dim=1)
    assert (difference > 2).float().mean() < 0.02


def test_crops_use_exactly_the_key_frames_affine(tmp_path):
    from mmpose.structures.bbox import get_warp_matrix
    paths, marks = marked_frames(tmp_path)
    packed = Compose(base().val_pipeline)(person(img_paths=paths[1:6]))
    sample = packed['data_samples']
    center, scale = sample.metainfo['input_center'], sample.metainfo['input_scale']
    np.testing.assert_allclose(center, [80, 80])
    np.testing.assert_allclose(scale, [1.25 * 80, 1.25 * 80 * 256 / 192])  # enlarged, then the aspect fixed
    warp = get_warp_matrix(center, scale, 0, output_size=(192, 256))
    for i, path in enumerate(paths[1:6]):
        expected = cv2.warpAffine(cv2.imread(path), warp, (192, 256), flags=cv2.INTER_LINEAR)
        np.testing.assert_array_equal(packed['inputs'][i].permute(1, 2, 0).numpy(), expected)


def test_flip_is_the_same_for_all_frames_and_the_joints(tmp_path):
    paths, _ = marked_frames(tmp_path)
    pipeline = base().val_pipeline
    pipeline.insert(1, dict(type='mmpose_gss.RandomClipFlip', prob=1.0))
    plain = Compose(base().val_pipeline)(person(img_paths=paths[:5]))
    flipped = Compose(pipeline)(person(img_paths=paths[:5]))
    # Mirroring moves the crop's centre by a pixel of the crop's resolution at most.
    a = plain['inputs'].float().flip(-1)[..., 2:-2]
    best = min((a - torch.roll(flipped['inputs'].float(), shift, -1)[..., 2:-2]).abs().mean()
               for shift in (-2, -1, 0, 1, 2))
    assert best < 25  # 85 for other content
    assert flipped['data_samples'].metainfo['flip'] is True
    joints = plain['data_samples'].gt_instances.keypoints[0]
    mirrored = flipped['data_samples'].gt_instances.keypoints[0]
    order = plain['data_samples'].metainfo['flip_indices']
    np.testing.assert_allclose(mirrored[order][:, 0], SIZE[0] - 1 - joints[:, 0], atol=1e-4)


@pytest.mark.parametrize('direction', ['horizontal', 'vertical', 'diagonal'])
def test_clip_flip_equals_mmposes(tmp_path, direction):
    from mmpose.datasets.transforms import RandomFlip
    paths, _ = marked_frames(tmp_path)
    load = LoadClip()
    results = [flip(load(person(img_paths=paths[:1] * 2 + paths[:3], bbox_center=np.array([[80.0, 80.0]]))))
               for flip in (RandomFlip(1.0, direction), RandomClipFlip(1.0, direction))]
    for key in ('bbox', 'bbox_center', 'keypoints', 'keypoints_visible', 'flip', 'flip_direction'):
        np.testing.assert_array_equal(results[0][key], results[1][key])
    for a, b in zip(results[0]['img'], results[1]['img']):
        np.testing.assert_array_equal(a, b)
        assert b.flags.c_contiguous
    plain = load(person(img_paths=paths[:5]))
    frames = plain['img']
    assert RandomClipFlip(0.0)(plain)['img'] is frames


def test_targets_are_the_key_frames(tmp_path):
    paths, _ = marked_frames(tmp_path)
    config = base()
    pipeline = [t for t in config.train_pipeline if 'Random' not in t['type'] and 'ClipBBox' not in t['type']]
    info = person(img_paths=paths[:5])
    info['keypoints_visible'][0, 3:5] = 0
    sample = Compose(pipeline)(info)['data_samples']
    heatmaps = sample.gt_fields.heatmaps
    assert heatmaps.shape == (17, 64, 48)
    assert (sample.gt_instance_labels.keypoint_weights[0, 3:5] == 0).all()
    assert sample.gt_instance_labels.keypoint_weights.sum() == 15
    scale, center = sample.metainfo['input_scale'], sample.metainfo['input_center']
    for k in (0, 7, 16):
        y, x = np.unravel_index(int(heatmaps[k].argmax()), (64, 48))
        expected = (info['keypoints'][0, k] - center + scale / 2) / scale * (48, 64)
        np.testing.assert_allclose((x, y), expected, atol=0.6)


def test_larger_input():
    for name, size, sigma in (('posetrack18_video', (192, 256), 2),
                              ('posetrack17_video_384x288', (288, 384), 3),
                              ('sub_jhmdb_video_384x288', (288, 384), 3)):
        config = base(name)
        train = {t['type'].split('.')[-1]: t for t in config.train_dataloader.dataset.pipeline}
        assert tuple(train['TopdownAffine']['input_size']) == size == tuple(config.codec.input_size)
        assert train['GenerateTarget']['encoder']['sigma'] == sigma
        test = {t['type'].split('.')[-1]: t for t in config.test_dataloader.dataset.pipeline}
        assert tuple(test['TopdownAffine']['input_size']) == size


def test_each_frame_is_decoded_once_for_the_windows_that_share_it(tmp_path, mini):
    content = mini.posetrack18_video(mini.make_clip(num_frames=30, labelled=range(30), num_people=3))
    mini.draw_frames(tmp_path / 'images/val/000342_mpii_test', 30)
    (tmp_path / 'ann.json').write_text(json.dumps(content))
    dataset = PoseTrackVideoDataset('ann.json', data_root=str(tmp_path), pipeline=base().val_pipeline)
    for i in range(len(dataset)):
        dataset[i]
    assert len(dataset) == 90
    assert dataset.pipeline.transforms[0].num_decoded == 30


def test_cache_is_small_and_not_copied_to_workers(tmp_path):
    paths, _ = marked_frames(tmp_path)
    load = LoadClip(cache_size=3)
    results = load(dict(img_paths=paths[:5]))
    assert len(load._cache) == 3
    assert load.num_decoded == 5
    assert len(pickle.loads(pickle.dumps(load))._cache) == len(copy.deepcopy(load)._cache) == 0
    with pytest.raises(ValueError, match='read-only'):
        results['img'][0][:] = 0
    assert LoadClip(cache_size=0)(dict(img_paths=paths[:1] * 5))['img'][0].shape == (150, 200, 3)


def test_single_images_are_repeated(tmp_path):
    paths, _ = marked_frames(tmp_path, 1)
    image = cv2.imread(paths[0])
    for results in (dict(img_path=paths[0]), dict(img=image, img_path=None), dict(img=image)):
        loaded = LoadClip(num_frames=7)(results)
        assert len(loaded['img']) == 7 and loaded['key_index'] == 3
        for frame in loaded['img']:
            np.testing.assert_array_equal(frame, image)
        assert loaded['ori_shape'] == (150, 200)


def test_arrays_as_the_inferencer_gives_them():
    frames = [np.full((60, 50, 3), i, np.uint8) for i in range(5)]
    packed = Compose(base().val_pipeline)(person(img=frames, key_index=2, img_path='0.jpg'))
    assert [int(frame.max()) for frame in packed['inputs']] == [0, 1, 2, 3, 4]
    assert packed['data_samples'].metainfo['key_index'] == 2


def test_missing_frame(tmp_path):
    paths, _ = marked_frames(tmp_path)
    window = paths[:4] + [str(tmp_path / 'gone.png')]
    with pytest.raises(FileNotFoundError, match='gone.png.*missing') as error:
        LoadClip()(dict(img_paths=window))
    assert 'data_root' in str(error.value)
    loaded = LoadClip(missing='nearest')(dict(img_paths=[str(tmp_path / 'a')] * 2 + paths[2:4] + window[4:]))
    assert [int(frame[0, 0, 0]) for frame in loaded['img']] == [20, 20, 20, 30, 30]
    with pytest.raises(FileNotFoundError, match='gone.png'):  # the key frame itself
        LoadClip(missing='nearest')(dict(img_paths=paths[:2] + [str(tmp_path / 'gone.png')] + paths[3:5]))


@pytest.mark.parametrize('suffix', ['jpg', 'png'])
@pytest.mark.parametrize('keep', [0.3, 0.7, 0.99])
def test_truncated_images(tmp_path, suffix, keep):
    paths, _ = marked_frames(tmp_path, 1, f'{{:06d}}.{suffix}')
    path = Path(paths[0])
    data = path.read_bytes()
    LoadClip()(dict(img_path=str(path)))
    path.write_bytes(data[:int(keep * len(data))])
    with pytest.raises(ValueError, match=f'{path.name}.*truncated {suffix.upper()}.*copy it again'):
        LoadClip()(dict(img_path=str(path)))


def test_truncated_jpeg_with_a_whole_thumbnail(tmp_path):
    paths, _ = marked_frames(tmp_path, 1, '{:06d}.jpg')
    path = Path(paths[0])
    data = path.read_bytes()
    thumbnail = cv2.imencode('.jpg', np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    header = b'\xff\xe1' + (len(thumbnail) + 2).to_bytes(2, 'big') + thumbnail
    whole = data[:2] + header + data[2:]
    path.write_bytes(whole)
    LoadClip()(dict(img_path=str(path)))
    path.write_bytes(whole[:-500])
    with pytest.raises(ValueError, match='truncated'):
        LoadClip()(dict(img_path=str(path)))


@pytest.mark.parametrize('data, words', [(b'', 'empty file'), (b'hello, no image', 'no readable image')])
def test_files_that_are_no_images(tmp_path, data, words):
    (tmp_path / 'x.jpg').write_bytes(data)
    with pytest.raises(ValueError, match=f'x.jpg.*{words}'):
        LoadClip()(dict(img_path=str(tmp_path / 'x.jpg')))


def test_windows_that_cannot_be(tmp_path):
    paths, _ = marked_frames(tmp_path)
    with pytest.raises(ValueError, match='odd number'):
        LoadClip(num_frames=4)
    with pytest.raises(ValueError, match='odd number'):
        LoadClip()(dict(img_paths=paths[:4]))
    with pytest.raises(ValueError, match='empty list'):
        LoadClip()(dict(img=[]))
    with pytest.raises(ValueError, match='LoadClip'):
        PackClipInputs()(dict(img=np.zeros((4, 4, 3), np.uint8)))
    cv2.imwrite(str(tmp_path / 'small.png'), np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(ValueError, match='small.png.*9x9 pixels.*200x150'):
        LoadClip()(dict(img_paths=paths[:4] + [str(tmp_path / 'small.png')]))


def test_scale_and_rotation_are_drawn_as_in_the_papers():
    np.random.seed(0)
    draw = ClipBBoxTransform()
    start = dict(bbox_center=np.zeros((4000, 2)), bbox_scale=np.ones((4000, 2)))
    out = draw(start)
    scale, angle = out['bbox_scale'][:, 0], out['bbox_rotation']
    np.testing.assert_array_equal(out['bbox_center'], 0)
    assert scale.min() == pytest.approx(0.65) and scale.max() == pytest.approx(1.35)
    # One standard deviation is also the limit: each limit has the tail's 15.87 %.
    for limit in (0.65, 1.35):
        assert np.isclose(scale, limit).mean() == pytest.approx(0.1587, abs=0.02)
    assert (angle == 0).mean() == pytest.approx(0.4, abs=0.03)
    turned = angle[angle != 0]
    assert abs(turned).max() == 90 and (abs(turned) == 90).mean() == pytest.approx(0.0455, abs=0.015)
    assert abs(turned).mean() == pytest.approx(45 * np.sqrt(2 / np.pi), rel=0.05)


@pytest.fixture
def sample(tmp_path, mini):
    content = mini.posetrack18_video(mini.make_clip(num_frames=20, labelled=(9, )))
    (tmp_path / 'ann.json').write_text(json.dumps(content))
    return PoseTrackVideoDataset('ann.json', data_root=str(tmp_path)).get_data_info(0)


def numbers(results):
    return [int(path[-10:-4]) for path in results['img_paths']]


def test_stride_jitter(sample):
    np.random.seed(0)
    seen = set()
    for _ in range(60):
        out = StrideJitter(strides=(1, 2, 3), prob=1.0)(copy.copy(sample))
        assert numbers(out)[out['key_index']] == 9
        seen.add(tuple(numbers(out)))
    assert seen == {tuple(9 + s * o for o in (-2, -1, 0, 1, 2)) for s in (1, 2, 3)}
    assert numbers(StrideJitter(prob=0.0)(sample)) == [7, 8, 9, 10, 11]


def test_reverse_time(sample):
    out = ReverseTime(prob=1.0)(dict(sample, frame_offsets=(-3, 0, 1), key_index=1))
    assert numbers(out) == [10, 9, 6] and out['key_index'] == 1
    out = ReverseTime(prob=1.0)(dict(sample, frame_offsets=(-3, -1, 0), key_index=2))
    assert numbers(out) == [9, 8, 6] and out['key_index'] == 0
    assert numbers(ReverseTime(prob=0.0)(sample)) == [7, 8, 9, 10, 11]


def test_drop_frames(sample):
    np.random.seed(0)
    seen = set()
    for _ in range(100):
        out = DropFrames(max_frames=2, prob=1.0)(copy.copy(sample))
        assert numbers(out)[2] == 9 and out['key_index'] == 2
        seen.add(tuple(numbers(out)))
    assert (7, 8, 9, 9, 11) in seen and (9, 9, 9, 10, 11) in seen and (7, 8, 9, 10, 11) not in seen
    assert len(seen) == 4 + 6


def test_motion_blur_is_the_same_for_all_frames():
    np.random.seed(0)
    frame = np.zeros((41, 41, 3), np.uint8)
    frame[20, 20] = 255
    out = MotionBlurClip(prob=1.0)(dict(img=[frame] * 5))['img']
    assert out[0].max() < 255
    for other in out[1:]:
        np.testing.assert_array_equal(other, out[0])
    assert MotionBlurClip(prob=0.0)(dict(img=[frame]))['img'][0] is frame
    for angle in (0, 30, 90):
        assert line_kernel(9, angle).sum() == pytest.approx(1)
    assert (line_kernel(5, 0).sum(axis=0) > 0).sum() == 5


def test_temporal_augmentations_leave_single_images_alone():
    for transform in (StrideJitter(prob=1.0), ReverseTime(prob=1.0), DropFrames(prob=1.0)):
        assert transform(dict(img_path='x.jpg')) == dict(img_path='x.jpg')


def test_real_clip_goes_through(testdata, tmp_path):
    frames = sorted((testdata / 'posetrack18/videos/000001_mpiinew_test').glob('*.jpg'))
    ann = json.loads((testdata / 'posetrack18/annotations/val/003418_mpii_test.json').read_text())
    image, person = ann['images'][0], ann['annotations'][0]
    ann['images'] = [dict(image, file_name=f'videos/000001_mpiinew_test/{path.name}', id=i, nframes=5,
                          width=None, height=None) for i, path in enumerate(frames)]
    ann['annotations'] = [dict(person, id=i, image_id=i, bbox=[400, 100, 200, 400]) for i in range(5)]
    (tmp_path / 'ann.json').write_text(json.dumps(ann))
    dataset = PoseTrackVideoDataset(str(tmp_path / 'ann.json'), data_root=str(testdata / 'posetrack18'),
                                    pipeline=base().train_pipeline)
    batch = pseudo_collate([dataset[i] for i in range(5)])
    assert [tuple(inputs.shape) for inputs in batch['inputs']] == [(5, 3, 256, 192)] * 5
    assert dataset.pipeline.transforms[0].num_decoded == 5


def test_coco_images_can_be_mixed_in(tmp_path, testdata, mini):
    from mmpose.registry import DATASETS as MMPOSE_DATASETS
    config = base('posetrack18_coco_video')
    mini.write_posetrack18(tmp_path, [mini.make_clip()])
    dataset = config.train_dataloader.dataset
    dataset.datasets[0].update(data_root=str(tmp_path), ann_file='annotations/val')
    dataset.datasets[1].update(data_root=str(testdata / 'coco'), ann_file='test_coco.json',
                               data_prefix=dict(img=''))
    built = MMPOSE_DATASETS.build(dataset)
    assert len(built) == sum(built.lens) and min(built.lens) > 0
    clip, image = built[0], built[len(built) - 1]
    for packed in (clip, image):
        assert packed['inputs'].shape == (5, 3, 256, 192)
        assert packed['data_samples'].gt_instance_labels.keypoint_weights.shape == (1, 17)
    assert (image['inputs'] == image['inputs'][:1]).all()
    pseudo_collate([clip, image])
    names = built.metainfo['keypoint_id2name']
    coco = built.datasets[1]
    for i in range(len(coco)):
        raw, mapped = coco.get_data_info(i), coco[i]
        for k, name in names.items():
            source = coco.metainfo['keypoint_name2id'].get(name)
            if source is None or 'ear' in name:
                assert mapped['keypoints_visible'][0, k, 0] == 0
            else:
                np.testing.assert_allclose(mapped['keypoints'][0, k], raw['keypoints'][0, source])
