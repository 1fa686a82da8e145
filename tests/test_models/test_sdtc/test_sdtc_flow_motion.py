"""Optical flow as SDTC's motion."""
import cv2
import numpy as np
import pytest
import torch

from mmpose_gss.errors import UserError
from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.models.sdtc.flow_motion import FlowMotion
from mmpose_gss.models.sdtc.motion_encoder import Tokens
from mmpose_gss.structures.clip_window import ClipWindow

T, H, W = 5, 96, 64
SHIFTS = [(-6, 4), (-3, 2), (0, 0), (3, -2), (6, -4)]                      # x, y of the content, per frame
MEAN, STD = torch.tensor([123.675, 116.28, 103.53]), torch.tensor([58.395, 57.12, 57.375])


def tokens(images, size=(H // 16, W // 16), window=None):
    window = ClipWindow.centred(images.shape[1]) if window is None else window
    embedded = torch.zeros(*images.shape[:2], size[0] * size[1], 8)
    return Tokens(embedded, embedded, embedded[:1], size, ClipFeatures([], images, window))


def windows():
    """A blurred random texture that moves: normalised (T,3,H,W)."""
    texture = np.random.default_rng(0).integers(0, 256, (H + 40, W + 40, 3)).astype(np.uint8)
    texture = cv2.normalize(cv2.GaussianBlur(texture, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX)
    frames = [texture[20 - y:20 - y + H, 20 - x:20 - x + W] for x, y in SHIFTS]
    images = torch.from_numpy(np.stack(frames)).float()
    return ((images - MEAN) / STD).permute(0, 3, 1, 2)


def test_flow_is_the_shift_from_the_key_frame_in_units_of_tokens():
    flow = FlowMotion(8).flow(tokens(torch.stack([windows(), windows().flip(0)])))
    assert flow.shape == (2, T, 2, H // 16, W // 16)
    assert (flow[:, 2] == 0).all()
    flow = flow[..., 1:-1, 1:-1].mean((-1, -2)) * 16
    torch.testing.assert_close(flow[0], torch.tensor(SHIFTS).float(), atol=0.4, rtol=0)
    torch.testing.assert_close(flow[1], torch.tensor(SHIFTS).float().flip(0), atol=0.4, rtol=0)


def test_coarser_tokens_average_the_flow():
    fine, coarse = (FlowMotion(8).flow(tokens(windows()[None], size)) for size in ((12, 8), (6, 4)))
    torch.testing.assert_close(coarse[0], torch.nn.functional.avg_pool2d(fine[0], 2) / 2)


def test_key_frame_is_the_windows():
    given = tokens(windows()[None], window=ClipWindow.around(0, T))
    flow = FlowMotion(8, preset='ultrafast').flow(given)[..., 1:-1, 1:-1].mean((-1, -2))[0] * 16
    assert (flow[0] == 0).all()
    torch.testing.assert_close(flow[2], torch.tensor([6., -4.]), atol=0.6, rtol=0)


def test_grey_undoes_the_normalisation():
    pixels = torch.randint(0, 256, (1, 3, H, W))
    normalised = (pixels.permute(0, 2, 3, 1) - MEAN) / STD
    expected = cv2.cvtColor(pixels[0].permute(1, 2, 0).byte().numpy(), cv2.COLOR_RGB2GRAY)
    difference = FlowMotion(8).grey(normalised.permute(0, 3, 1, 2)[None])[0, 0].astype(int) - expected
    assert abs(difference).max() <= 1


def test_errors():
    with pytest.raises(UserError, match='preset'):
        FlowMotion(8, preset='slow')
