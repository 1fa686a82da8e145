"""The pictures of SDTC, from a real clip, as a user asks for them."""
import importlib.util
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from mmpose.codecs import MSRAHeatmap
from mmpose.structures import PoseDataSample

from mmpose_gss.visualization.sdtc_maps import paint

CONFIG = 'td-hm_SDTC-tiny_synthetic-posetrack-128x96'
PICTURES = {'heatmaps.png', 'features.png', 'context_maps.png', 'masks.png', 'reconstruction.png'}


@pytest.fixture(scope='module')
def tool(root):
    script = root / 'tools/analysis_tools/visualize_sdtc.py'
    spec = importlib.util.spec_from_file_location('visualize_sdtc', script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def config(root, tmp_path_factory):
    """The tiny config with a random encoder, whole, and with what table 4 (c) switches off."""
    folder = tmp_path_factory.mktemp('config')
    base = root / f'configs/body_2d_keypoint/sdtc/synthetic/{CONFIG}.py'
    whole = f'_base_ = [{str(base)!r}]\nmodel = dict(backbone=dict(init_cfg=None))\n'
    (folder / 'whole.py').write_text(whole)
    (folder / 'add.py').write_text(
        f'_base_ = [{str(base)!r}]\nmodel = dict(backbone=dict(init_cfg=None), '
        "neck=dict(motion=dict(_delete_=True, type='plain'), "
        "mutual=dict(refine=False, propagate=False, fusion='add'), reconstruction=None))\n")
    return folder


@pytest.fixture(scope='module')
def clip(testdata):
    return testdata / 'posetrack18/videos/000001_mpiinew_test/000001_mpiinew_test.mp4'


def run(tool, *arguments):
    tool.main([str(argument) for argument in arguments])


def test_all_pictures_of_a_real_clip(tool, config, clip, tmp_path):
    run(tool, clip, '--config', config / 'whole.py', '--out-dir', tmp_path, '--frame', 0, '--device', 'cpu')
    assert {path.name for path in tmp_path.iterdir()} == PICTURES
    for path in tmp_path.iterdir():
        assert cv2.imread(str(path)).std() > 10                       # something is to be seen


def test_switched_off_parts_have_no_picture(tool, config, clip, tmp_path):
    run(tool, clip, '--config', config / 'add.py', '--out-dir', tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {'heatmaps.png', 'features.png'}


def test_masked_places_are_painted():
    crop = np.full((8, 6, 3), 100, np.uint8)
    mask = np.zeros((4, 3), bool)
    mask[1, 2] = True
    painted = paint(crop, mask, (255, 0, 0), opacity=1.)
    expected = crop.copy()
    expected[2:4, 4:6] = (255, 0, 0)
    assert np.array_equal(painted, expected)


def test_ground_truth_is_the_nearest_annotated_person(tool, tmp_path):
    codec = MSRAHeatmap(input_size=(96, 128), heatmap_size=(24, 32), sigma=1.5)
    sample = dict(data_samples=PoseDataSample(metainfo=dict(
        img_id=1, input_center=np.array([200., 100.]), input_scale=np.array([96., 128.]),
        input_size=(96, 128))))
    near, far = ([x, 100, 1] + [0, 0, 0] * 16 for x in (212, 500))
    content = dict(images=[dict(id=20, frame_id=20), dict(id=10, frame_id=10)],
                   annotations=[dict(image_id=20, keypoints=far), dict(image_id=20, keypoints=near),
                                dict(image_id=10, keypoints=far)])
    path = tmp_path / 'gt.json'
    path.write_text(json.dumps(content))
    truth = tool.ground_truth(str(path), sample, codec)
    assert np.unravel_index(truth[0].argmax(), (32, 24)) == (16, 15) and truth[1:].max() == 0
    sample['data_samples'].set_metainfo(dict(img_id=2))
    assert tool.ground_truth(str(path), sample, codec) is None
    path.write_text('[]')
    with pytest.raises(ValueError, match='not a PoseTrack18 annotation file'):
        tool.ground_truth(str(path), sample, codec)


def test_reconstruction_shows_the_reconstructed_places_only(tool, config, clip):
    from mmpose_gss.apis import VideoPoseInferencer
    inferencer = VideoPoseInferencer(str(config / 'whole.py'), device='cpu')
    sample, crops = tool.key_window(inferencer, tool.parse_args([str(clip), '--config', 'x']))
    assert len(crops) == 5 and crops[0].shape == (128, 96, 3)
    first, second = (tool.look_inside(inferencer.model, sample, seed=3) for _ in range(2))
    assert torch.equal(first['masks'].tube, second['masks'].tube)
    assert first['context'].shape == first['target'].shape == (5, 16 * 12, 64)
    predicted = inferencer.model.test_step(dict(
        inputs=[sample['inputs']], data_samples=[sample['data_samples']]))[0]
    assert predicted.pred_instances.keypoint_scores.max() == pytest.approx(first['heatmaps'].max(), rel=1e-4)


@pytest.mark.parametrize('extra,words', [
    (['--frame', '99'], '--frame 99'), (['--person', '3'], '--person 3'),
    (['--config', 'td-hm_GLSMamba-tiny_synthetic-posetrack-128x96'], 'SDTCNeck|checkpoint')])
def test_mistakes_are_named(tool, config, clip, tmp_path, extra, words):
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        run(tool, clip, '--config', config / 'whole.py', '--out-dir', tmp_path, *extra)


def test_help_needs_no_model(root):
    tool = root / 'tools/analysis_tools/visualize_sdtc.py'
    result = subprocess.run([sys.executable, str(tool), '--help'], capture_output=True, text=True, check=True)
    assert '--ann-file' in result.stdout
