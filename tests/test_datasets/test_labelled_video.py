"""A folder of labelled video as a data set: decoding, windows, folds, faults, and its configs."""
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config

from mmpose_gss.datasets.body.frame_store import FrameStore
from mmpose_gss.datasets.body.labelled_video_dataset import LabelledVideoDataset
from mmpose_gss.errors import UserError
from mmpose_gss.registry import DATASETS

ROOT = Path(__file__).resolve().parents[2]
PIPELINE = [dict(type='mmpose_gss.LoadClip'), dict(type='mmpose.GetBBoxCenterScale', padding=1.0),
            dict(type='mmpose.TopdownAffine', input_size=(64, 48)), dict(type='mmpose_gss.PackClipInputs')]


def draw(path, frames=12, size=(64, 48)):
    """A video whose frames are as bright as their number (times ten), lossless."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'FFV1'), 25, size)
    for number in range(frames):
        writer.write(np.full((size[1], size[0], 3), 10 * number, np.uint8))
    writer.release()
    assert path.stat().st_size > 100


@pytest.fixture
def folder(tmp_path):
    """Six videos of three speakers, one of them a folder of images; two labelled frames each."""
    lines = ['video,frame,speaker,left_x,left_y,right_x,right_y']
    for number in range(6):
        name = f'clip{number}' + ('' if number == 5 else '.avi')
        if number == 5:
            (tmp_path / name).mkdir()
            for i in range(12):
                cv2.imwrite(str(tmp_path / name / f'{i:03d}.png'), np.full((48, 64, 3), 10 * i, np.uint8))
        else:
            draw(tmp_path / name)
        lines += [f'{name},{frame},s{number // 2},{10 + number},20,40,{20 + number}' for frame in (1, 8)]
    (tmp_path / 'index.csv').write_text('\n'.join(lines) + '\n')
    return tmp_path


def brightness(paths):
    return [int(cv2.imread(path)[0, 0, 0]) / 10 for path in paths]


def test_windows_are_the_frames_of_the_video(folder):
    dataset = DATASETS.build(dict(type='mmpose_gss.LabelledVideoDataset', data_root=str(folder),
                                  frame_offsets=(-4, -2, 0, 2, 4), pipeline=PIPELINE))
    assert len(dataset) == 12 and dataset.metainfo['flip_indices'] == [1, 0]
    assert dataset.metainfo['keypoint_id2name'] == {0: 'left', 1: 'right'}
    for i in range(12):
        info = dataset.get_data_info(i)
        key = int(Path(info['img_path']).stem)
        wanted = [min(max(key + o, 0), 11) for o in (-4, -2, 0, 2, 4)]
        np.testing.assert_allclose(brightness(info['img_paths']), wanted, atol=0.21)
        np.testing.assert_array_equal(info['bbox'], [[0, 0, 63, 47]])  # the whole frame
    packed = dataset[0]
    assert packed['inputs'].shape == (5, 3, 48, 64)
    assert packed['data_samples'].raw_ann_info['group'] == 's0'


def test_frames_are_decoded_once(folder, monkeypatch):
    options = dict(data_root=str(folder), frame_offsets=(-1, 0, 1), pipeline=PIPELINE)
    LabelledVideoDataset(**options)
    count = len(list(folder.glob('frame_cache/*/*.png')))
    assert count == 6 * 6
    with monkeypatch.context() as patch:
        patch.setattr(FrameStore, '_decode', lambda *args: pytest.fail('decoded again'))
        LabelledVideoDataset(**options)
    LabelledVideoDataset(**{**options, 'reach': 3})  # needs more frames
    assert len(list(folder.glob('frame_cache/*/*.png'))) == 6 * (5 + 7)
    (folder / 'clip0.avi').unlink()
    draw(folder / 'clip0.avi', 14)
    assert LabelledVideoDataset(**options).clips[0].count == 10  # decoded as far as needed, from the new file


def test_folds_and_splits(folder):
    def groups(**options):
        dataset = LabelledVideoDataset(data_root=str(folder), pipeline=PIPELINE, **options)
        return {dataset.get_data_info(i)['raw_ann_info']['group'] for i in range(len(dataset))}
    for k in range(3):
        held, seen = groups(fold=(k, 3), test_mode=True), groups(fold=(k, 3))
        assert len(held) == 1 and not held & seen and held | seen == {'s0', 's1', 's2'}
    with pytest.raises(UserError, match="no row of split 'val'; it has no column 'split'"):
        groups(split='val')


@pytest.mark.parametrize('line, message', [
    ('clip0.avi,12,s0,1,2,3,4', r'row 14: .*clip0.avi has 12 frames when decoded, so there is no frame 12'),
    ('clip5,40,s2,1,2,3,4', r'row 14: .*clip5 has 12 frames'),
    ('broken.avi,0,s0,1,2,3,4', 'broken.avi cannot be decoded'),
    ('empty,0,s0,1,2,3,4', 'empty holds no image'),
])
def test_faults_are_named(folder, line, message):
    (folder / 'broken.avi').write_bytes(b'RIFF' + bytes(100))
    (folder / 'empty').mkdir()
    with open(folder / 'index.csv', 'a') as file:
        file.write(line + '\n')
    with pytest.raises(UserError, match=message) as error:
        LabelledVideoDataset(data_root=str(folder), pipeline=PIPELINE)
    assert '\n' not in str(error.value)


def test_cache_that_cannot_be_written(folder):
    (folder / 'file').touch()
    with pytest.raises(UserError, match='name another folder with frame_cache'):
        LabelledVideoDataset(data_root=str(folder), pipeline=PIPELINE, frame_cache=str(folder / 'file' / 'x'))


@pytest.mark.parametrize('base', ['labelled_video_96x128.py'])
def test_config_reads_the_folder(folder, base):
    cfg = Config.fromfile(str(ROOT / 'configs/_base_/datasets' / base))
    assert cfg.codec.input_size == [128, 96] or tuple(cfg.codec.input_size) == (128, 96)
    for name, size in (('train_dataloader', 8), ('val_dataloader', 4)):
        dataset = cfg[name].dataset
        assert DATASETS.build(dict(dataset, lazy_init=True)).metainfo['num_keypoints'] == cfg.num_joints == 8
        dataset.update(data_root=str(folder), fold=(0, 3))
        with pytest.raises(UserError, match=r'has 2 points \(left, right\), but .* num_points=8'):
            DATASETS.build(dataset)
        dataset.num_points = 2
        lazy = DATASETS.build(dict(dataset, lazy_init=True))
        lazy.full_init()
        assert lazy.metainfo['keypoint_id2name'] == {0: 'left', 1: 'right'} and len(lazy) == size
        built = DATASETS.build(dataset)
        assert len(built) == size
        assert built[0]['inputs'].shape == (5, 3, 96, 128)
