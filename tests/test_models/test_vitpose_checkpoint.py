"""ViTPose's checkpoints become encoders: with MMPose's own names and shapes, from its own configs."""
import os
import subprocess
import sys
from pathlib import Path

import mmpose
import pytest
import torch
from mmengine.config import Config
from mmpose.registry import MODELS as MMPOSE_MODELS

from mmpose_gss.models.vitpose_checkpoint import convert, rename
from mmpose_gss.registry import MODELS


def mmpose_state(size: str) -> dict:
    """Names and shapes of MMPose's ViTPose model, without its weights."""
    folder = Path(
        mmpose.__file__).parent / '.mim' / 'configs' / 'body_2d_keypoint' / 'topdown_heatmap' / 'coco'
    cfg = Config.fromfile(str(folder / f'td-hm_ViTPose-{size}_8xb64-210e_coco-256x192.py'))
    cfg.model.backbone.pop('init_cfg')
    with torch.device('meta'):
        return MMPOSE_MODELS.build(cfg.model).state_dict()


def our_encoder(root, size: str):
    cfg = Config.fromfile(str(root / f'configs/body_2d_keypoint/glsmamba/_base_/glsmamba-{size}.py'))
    cfg.model.backbone.pop('init_cfg')
    with torch.device('meta'):
        return MODELS.build(cfg.model.backbone)


@pytest.mark.parametrize('size', ['small', 'base', 'large', 'huge'])
def test_names_and_shapes_fit_every_size(root, size):
    converted = rename(mmpose_state(size))
    own = our_encoder(root, size).state_dict()
    assert {key: value.shape for key, value in converted.items()} == {
        key: value.shape for key, value in own.items()}


def test_file_to_features(root, tmp_path):
    """A fabricated ViTPose-S: the converted encoder gives what MMPose's model feeds to its last layer."""
    folder = Path(
        mmpose.__file__).parent / '.mim' / 'configs' / 'body_2d_keypoint' / 'topdown_heatmap' / 'coco'
    cfg = Config.fromfile(str(folder / 'td-hm_ViTPose-small_8xb64-210e_coco-256x192.py'))
    cfg.model.backbone.pop('init_cfg')
    torch.manual_seed(0)
    theirs = MMPOSE_MODELS.build(cfg.model).eval()
    with torch.no_grad():
        for param in theirs.parameters():
            param.normal_(std=0.05)
    source, target = tmp_path / 'vitpose.pth', tmp_path / 'new' / 'encoder.pth'
    torch.save(dict(state_dict=theirs.state_dict(), meta=dict(epoch=210)), source)
    assert convert(source, target) == len(rename(theirs.state_dict()))

    cfg = Config.fromfile(str(root / 'configs/body_2d_keypoint/glsmamba/_base_/glsmamba-small.py'))
    cfg.model.backbone.init_cfg.checkpoint = str(target)
    ours = MODELS.build(cfg.model.backbone).eval()
    ours.init_weights()
    image = torch.randn(1, 3, 256, 192)
    with torch.no_grad():
        torch.testing.assert_close(ours(image)[0], theirs.head.deconv_layers(theirs.backbone(image)[-1]))


@pytest.mark.parametrize('state, message', [
    ({'keypoint_head.deconv_layers.0.weight': 0}, 'keypoint_head.deconv_layers.0.weight'),
    ({'head.deconv_layers.0.weight': 0}, 'vision transformer'),
    ({'backbone.pos_embed': 0, 'head.final_layer.weight': 0}, 'deconvolutions'), ({}, 'vision transformer')])
def test_other_checkpoints_are_refused(state, message):
    with pytest.raises(ValueError, match=message):
        rename(state)


def test_command_line(root, tmp_path):
    command = [sys.executable, str(root / 'tools/model_converters/vitpose.py'), str(tmp_path / 'none.pth'),
               str(tmp_path / 'out.pth')]
    env = {**os.environ, 'PYTHONPATH': str(root)}
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode == 1
    message = done.stderr.splitlines()[-1]
    assert 'none.pth' in message and 'Traceback' not in done.stderr
