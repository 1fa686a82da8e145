"""The worked example's neck: residual at first, any key frame, learns from the window."""
import pytest
import torch

from mmpose_gss.errors import UserError
from mmpose_gss.models import ConcatConvNeck
from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.registry import MODELS
from mmpose_gss.structures.clip_window import ClipWindow

B, C, H, W = 2, 6, 8, 5


def clip(num_frames=5, key_index=None, seed=0):
    maps = torch.randn(B, num_frames, C, H, W, generator=torch.Generator().manual_seed(seed))
    return ClipFeatures([torch.zeros(1), maps], None,
                        ClipWindow.around(num_frames // 2 if key_index is None else key_index, num_frames))


def build(**arguments):
    torch.manual_seed(0)
    return MODELS.build({**dict(type='mmpose_gss.ConcatConvNeck', in_channels=C, embed_dims=8), **arguments})


@pytest.mark.parametrize('num_frames', [1, 3, 5])
def test_starts_as_the_single_frame_and_honours_every_key_frame(num_frames):
    neck = build(num_frames=num_frames)
    for key in range(num_frames):
        feats = clip(num_frames, key)
        out, = neck(feats)
        assert torch.equal(out, feats.maps[-1][:, key])


def test_is_the_formula():
    neck = build()
    torch.nn.init.normal_(neck.expand.weight)
    feats = clip()
    x = torch.cat(feats.maps[-1].unbind(1), dim=1)
    for layer, padding, dilation in ((neck.squeeze[0], 0, 1), (neck.convs[0], 2, 1), (neck.convs[2], 4, 2)):
        x = torch.nn.functional.conv2d(x, layer.weight, layer.bias, padding=padding, dilation=dilation).relu()
    expected = feats.maps[-1][:, 2] + torch.nn.functional.conv2d(x, neck.expand.weight, neck.expand.bias)
    torch.testing.assert_close(neck(feats)[0], expected)


def test_every_parameter_learns_and_support_frames_are_seen():
    neck = build()
    optimizer = torch.optim.SGD(neck.parameters(), 0.1)
    for _ in range(2):  # what lies before the zero convolution learns from the second step on
        optimizer.zero_grad()
        (neck(clip())[0] - 1).square().mean().backward()
        optimizer.step()
    assert all(p.grad.abs().sum() > 0 for p in neck.parameters())
    changed = clip()
    changed.maps[-1][:, 0] += 1
    assert not torch.allclose(neck(changed)[0], neck(clip())[0])


def test_another_window_is_refused():
    with pytest.raises(UserError, match='num_frames and in_channels'):
        ConcatConvNeck(C, num_frames=3)(clip(5))
    with pytest.raises(UserError, match='ConcatConvNeck was built for'):
        ConcatConvNeck(C + 1)(clip(5))
