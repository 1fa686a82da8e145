"""Optical flow as an encoder's extra channels."""
import cv2
import numpy as np
import pytest
import torch

from mmpose_gss.models import DeconvEncoder
from mmpose_gss.registry import MODELS

T, H, W = 5, 96, 64
SHIFTS = [(-6, 4), (-3, 2), (0, 0), (3, -2), (6, -4)]                      # x, y of the content, per frame
MEAN, STD = torch.tensor([123.675, 116.28, 103.53]), torch.tensor([58.395, 57.12, 57.375])


def build(**arguments):
    backbone = dict(type='mmpretrain.VisionTransformer', arch='deit-tiny', img_size=(H, W), patch_size=16,
                    with_cls_token=False, out_type='featmap', out_indices=(0, ))
    cfg = dict(type='mmpose_gss.FlowEncoder', backbone=backbone, num_frames=T)
    return MODELS.build({**cfg, **arguments}).eval()


def windows():
    """A blurred random texture that moves: normalised (T,3,H,W)."""
    texture = np.random.default_rng(0).integers(0, 256, (H + 40, W + 40, 3)).astype(np.uint8)
    texture = cv2.normalize(cv2.GaussianBlur(texture, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX)
    frames = [texture[20 - y:20 - y + H, 20 - x:20 - x + W] for x, y in SHIFTS]
    images = torch.from_numpy(np.stack(frames)).float()
    return ((images - MEAN) / STD).permute(0, 3, 1, 2)


def test_flow_is_the_shift_from_the_key_frame_in_pixels_of_the_map():
    model = build()
    with torch.no_grad():
        feats, = model(torch.cat([windows(), windows().flip(0)]))
    assert feats.shape == (2 * T, 192 + 2, H // 16, W // 16)
    flow = feats[:, -2:].unflatten(0, (2, T))[..., 1:-1, 1:-1].mean((-1, -2)) * 16
    torch.testing.assert_close(flow[0], torch.tensor(SHIFTS).float(), atol=0.4, rtol=0)
    torch.testing.assert_close(flow[1], torch.tensor(SHIFTS).float().flip(0), atol=0.4, rtol=0)
    assert (feats[[2, T + 2], -2:] == 0).all()


def test_features_are_the_encoders_own():
    model = build(preset='ultrafast')
    with torch.no_grad():
        assert torch.equal(model(windows())[0][:, :-2], DeconvEncoder.forward(model, windows())[0])


def test_grey_undoes_the_normalisation():
    pixels = torch.randint(0, 256, (1, 3, H, W))
    normalised = (pixels.permute(0, 2, 3, 1) - MEAN) / STD
    expected = cv2.cvtColor(pixels[0].permute(1, 2, 0).byte().numpy(), cv2.COLOR_RGB2GRAY)
    difference = build().grey(normalised.permute(0, 3, 1, 2))[0].astype(int) - expected
    assert abs(difference).max() <= 1


def test_errors():
    with pytest.raises(ValueError, match='not a multiple of num_frames=5'):
        build()(windows()[:4])
    with pytest.raises(ValueError, match='preset'):
        build(preset='slow')
