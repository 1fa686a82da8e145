"""SDTC's masks: Eq. 1 and 4, and the region of Eq. 15."""
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpose_gss.models.layers.space_time_encoding import SpaceTimeEncoding
from mmpose_gss.models.sdtc.masking import (
    Masks,
    masked_count,
    masked_region,
    random_frame_mask,
    random_tube_mask,
    replace_masked,
)
from mmpose_gss.models.sdtc.motion_encoder import MotionEncoder, Tokens


def encoder(encode_masked=True, levels=('patch', 'frame')):
    return MotionEncoder(embed_dims=16, num_heads=2, levels=levels, mask_ratio=0.5, mask_patch=1,
                         encode_masked=encode_masked, num_joint=1, num_divided=1, ffn_ratio=2, with_cp=False)


def grid(tokens, encoding):
    """Tokens of maps of 4×3."""
    return Tokens(tokens, tokens, encoding, (4, 3))


@pytest.mark.parametrize('total,ratio,expected', [
    (5, 0.25, 1), (5, 0.5, 2), (5, 0.75, 4), (3, 0.5, 1), (7, 0.5, 3), (192, 0.5, 96), (2, 0.01, 1),
    (2, 0.99, 1), (1, 0.5, 0), (5, 0.0, 0)])
def test_masked_count(total, ratio, expected):
    assert masked_count(total, ratio) == expected


@settings(max_examples=40, deadline=None)
@given(height=st.integers(1, 9), width=st.integers(1, 9), patch=st.integers(1, 4),
       ratio=st.sampled_from([0.25, 0.5, 0.75]))
def test_tube_mask_covers_whole_patches_in_the_asked_share(height, width, patch, ratio):
    mask = random_tube_mask(3, height, width, ratio, patch).view(3, height, width)
    rows, columns = -(-height // patch), -(-width // patch)
    corners = mask[:, ::patch, ::patch]
    assert corners.shape[1:] == (rows, columns)
    assert (corners.sum((1, 2)) == masked_count(rows * columns, ratio)).all()
    for y in range(height):
        for x in range(width):
            assert torch.equal(mask[:, y, x], corners[:, y // patch, x // patch])


def test_masks_differ_between_persons_and_follow_the_generator():
    draw = [random_tube_mask(4, 8, 6, 0.5, generator=torch.Generator().manual_seed(s)) for s in (0, 0, 1)]
    assert torch.equal(draw[0], draw[1]) and not torch.equal(draw[0], draw[2])
    assert not torch.equal(draw[0][0], draw[0][1])
    frames = random_frame_mask(50, 5, 0.5)
    assert (frames.sum(1) == 2).all() and frames.any(0).all()      # the key frame, too, has its turn


def captured(module, name, *args):
    """Input of a sub-module during a call."""
    seen = []
    handle = getattr(module, name).register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    out = module(*args)
    handle.remove()
    return seen[0], out


@pytest.mark.parametrize('encode_masked', [True, False])
def test_masked_tokens_are_exactly_replaced(encode_masked):
    torch.manual_seed(0)
    module = encoder(encode_masked)
    encoding = SpaceTimeEncoding(16, 5)(4, 3, torch.empty(0))
    tokens = torch.randn(2, 5, 12, 16)
    masks = module.draw_masks(grid(tokens, encoding))
    into_patch, out = captured(module, 'patch_level', grid(tokens, encoding), masks)
    place = encoding if encode_masked else torch.zeros(5, 12, 16)
    for person in range(2):
        for frame in range(5):                                     # the tube: the same places in all frames
            hidden = masks.tube[person]
            expected = module.patch_token + place[frame, hidden]
            assert torch.equal(into_patch[person, frame, hidden], expected.expand(6, 16))
            assert torch.equal(into_patch[person, frame, ~hidden], tokens[person, frame, ~hidden])
            if masks.frame[person, frame]:                         # whole frames
                assert torch.equal(out.hybrid[person, frame], module.frame_token + place[frame])
            else:
                assert torch.equal(out.hybrid[person, frame], out.patch[person, frame])
    torch.testing.assert_close(out.motion, out.patch + out.frame)  # Eq. 5


def test_replacement_is_equation_1():
    tokens, token = torch.randn(2, 5, 12, 16, dtype=torch.float64), torch.randn(16, dtype=torch.float64)
    hidden = random_tube_mask(2, 4, 3, 0.5)
    keep = (~hidden)[:, None, :, None].double()                     # M_c
    expected = keep * tokens + (1 - keep) * token
    assert torch.equal(replace_masked(tokens, hidden[:, None], token), expected)


def test_hidden_content_has_no_influence_and_no_gradient():
    module = encoder()
    encoding = SpaceTimeEncoding(16, 5)(4, 3, torch.empty(0))
    tokens = torch.randn(1, 5, 12, 16, requires_grad=True)
    masks = module.draw_masks(grid(tokens, encoding))
    module(grid(tokens, encoding), masks).motion.square().sum().backward()
    assert (tokens.grad[:, :, masks.tube[0]] == 0).all()
    assert (tokens.grad[:, :, ~masks.tube[0]] != 0).any(-1).all()


def test_bare_mask_tokens_cannot_tell_places_apart():
    """Why the encodings are added to the learnable tokens: without them all reconstructions are equal."""
    encoding = SpaceTimeEncoding(16, 5)(4, 3, torch.empty(0)).detach()
    tokens = torch.randn(1, 5, 12, 16)
    spread = {}
    for encode_masked in (True, False):
        torch.manual_seed(1)
        module = encoder(encode_masked, levels=('patch', )).eval()
        masks = module.draw_masks(grid(tokens, encoding))
        hidden = module(grid(tokens, encoding), masks).patch[0][:, masks.tube[0]]
        spread[encode_masked] = hidden.var(dim=1).max().item()
    assert spread[False] < 1e-10 < spread[True]


def test_region_is_the_product_or_the_union():
    masks = Masks(random_tube_mask(2, 4, 3, 0.5), random_frame_mask(2, 5, 0.5))
    both, either = (masked_region(masks, 5, 12, region) for region in ('both', 'either'))
    for person in range(2):
        for frame in range(5):
            for token in range(12):
                tube, whole = masks.tube[person, token], masks.frame[person, frame]
                assert both[person, frame, token] == (tube and whole)
                assert either[person, frame, token] == (tube or whole)
    only = masked_region(Masks(masks.tube, None), 5, 12, 'both')
    assert torch.equal(only, masks.tube[:, None].expand(2, 5, 12))
