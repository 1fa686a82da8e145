"""Where and when a token is, against the formula."""
import pytest
import torch

from mmpose_gss.models.layers.space_time_encoding import SpaceTimeEncoding, sincos_axis

T, H, W = 3, 4, 5


def test_spatial_encoding_is_sine_and_cosine_of_row_and_column():
    torch.manual_seed(0)
    encode = SpaceTimeEncoding(8, T)
    rest = (encode(H, W, torch.zeros(1)) - encode.temporal).unflatten(1, (H, W))
    for h in range(H):
        for w in range(W):
            angles = [torch.tensor([p * 1., p * 0.01]) for p in (h, w)]  # wavelengths 2π and 200π
            expected = torch.cat([f(angle) for angle in angles for f in (torch.sin, torch.cos)])
            torch.testing.assert_close(rest[1, h, w], expected, rtol=1e-4, atol=1e-5)
    assert not encode.temporal.eq(0).all() and sincos_axis(3, 4, torch.device('cpu')).shape == (3, 4)
    with pytest.raises(ValueError, match='multiple of 4'):
        SpaceTimeEncoding(10, T)


@pytest.mark.parametrize('spatial, temporal, shape', [
    (True, True, (T, H * W, 8)), (True, False, (1, H * W, 8)),
    (False, True, (T, 1, 8)), (False, False, (1, 1, 8))])
def test_parts_can_be_off(spatial, temporal, shape):
    encode = SpaceTimeEncoding(8, T, spatial, temporal)
    like = torch.zeros(1, dtype=torch.bfloat16)
    assert encode(H, W, like).shape == shape and encode(H, W, like).dtype == torch.bfloat16
    assert (encode(H, W, like) == 0).all() == (not spatial and not temporal)
