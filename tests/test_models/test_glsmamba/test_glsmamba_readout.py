"""What of the window reaches GLSMamba's head: readout, skip, token stride."""
import pytest
import torch

from mmpose_gss.errors import UserError
from mmpose_gss.models import GLSMambaNeck
from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.structures.clip_window import ClipWindow

TINY = dict(in_channels=12, embed_dims=16, num_frames=3, num_global=1, num_local=1, window=(4, 3),
            scan=dict(d_state=4, dt_rank=2))
SWITCHES = [dict(readout=readout, skip=skip)
            for readout in ('window', 'key') for skip in ('window', 'key', 'none')]


def tiny(**changes) -> GLSMambaNeck:
    torch.manual_seed(0)
    return GLSMambaNeck(**{**TINY, **changes}).eval()


def trained(**changes) -> GLSMambaNeck:
    """A neck whose zero-initialised convolutions are no longer zero."""
    neck = tiny(**changes)
    for param in neck.parameters():
        if not param.any():
            torch.nn.init.normal_(param, std=0.1)
    return neck


def feats(*shape, seed=1):
    return torch.randn(*(shape or (2, 3, 12, 8, 6)), generator=torch.Generator().manual_seed(seed))


def run(neck, x, key_index=None):
    window = ClipWindow.around(x.shape[1] // 2 if key_index is None else key_index, x.shape[1])
    out, = neck(ClipFeatures([x], None, window))
    return out


@pytest.mark.parametrize('switches', SWITCHES, ids=str)
def test_every_combination_learns(switches):
    neck = trained(**switches).train()
    out = run(neck, feats())
    assert out.shape == (2, 16 if switches['skip'] == 'none' else 12, 8, 6)
    out.square().mean().backward()
    assert all(param.grad is not None and param.grad.any() for param in neck.parameters())


def test_key_readout_without_skip_is_the_last_norm_of_the_key_frame():
    """The neck as it was before there was a choice: no further weights, the key frame's tokens."""
    neck, x = tiny(readout='key', skip='none'), feats()
    assert not [name for name in neck.state_dict() if name.startswith(('readout', 'skip'))]
    tokens = neck.window_tokens(ClipFeatures([x], None, ClipWindow.around(1, 3)))
    for key in range(3):
        torch.testing.assert_close(run(neck, x, key), neck.norm(tokens[:, key]).permute(0, 3, 1, 2))


@pytest.mark.parametrize('readout', ['window', 'key'])
@pytest.mark.parametrize('skip', ['window', 'key'])
def test_with_a_skip_training_starts_from_the_single_frame(readout, skip):
    neck, x = tiny(readout=readout, skip=skip), feats()
    torch.testing.assert_close(run(neck, x), x[:, 1])


def gradient_of_frames(neck, x):
    x = x.clone().requires_grad_()
    run(neck, x).square().sum().backward()
    return x.grad.square().sum(dim=(0, 2, 3, 4)).sqrt()


def test_window_readout_sees_the_support_frames_as_well_as_the_key_frame():
    """The measured fault: read from the key frame's tokens alone, an untrained neck all but ignores the
    support frames."""
    of_window = gradient_of_frames(tiny(readout='window', skip='none'), feats())
    of_key = gradient_of_frames(tiny(readout='key', skip='none'), feats())
    assert of_window[0] > 0.5 * of_window[1] and of_window[2] > 0.5 * of_window[1]
    assert of_key[0] < 0.1 * of_key[1] and of_key[2] < 0.1 * of_key[1]


def test_first_step_of_training_reaches_the_support_frames():
    """From zero the convolutions over the window get a gradient for every frame at once."""
    neck = tiny().train()
    (run(neck, feats()) * feats(2, 12, 8, 6, seed=2)).sum().backward()
    for conv, channels in ((neck.readout.conv, 16), (neck.skip.gather, 12)):
        per_frame = conv.weight.grad.view(-1, 3, channels).square().sum(dim=(0, 2))
        assert (per_frame > 0.1 * per_frame.max()).all()


@pytest.mark.parametrize('switches', [dict(), dict(readout='key'), dict(skip='none')], ids=str)
def test_gathering_weights_serve_one_key_frame(switches):
    neck = trained(**switches)
    with pytest.raises(UserError, match='key_index'):
        run(neck, feats(), key_index=0)
    other = trained(**switches, key_index=0)
    assert run(other, feats(), key_index=0).shape[-2:] == (8, 6)


@pytest.mark.parametrize('size', [(8, 6), (7, 5), (1, 1)])
@pytest.mark.parametrize('stride', [2, 3])
def test_stride_coarsens_tokens_and_keeps_the_map(size, stride):
    neck, x = trained(token_stride=stride), feats(2, 3, 12, *size)
    tokens = neck.window_tokens(ClipFeatures([x], None, ClipWindow.around(1, 3)))
    assert tokens.shape[2:4] == tuple(-(-side // stride) for side in size)
    assert run(neck, x).shape == (2, 12, *size)
    torch.testing.assert_close(run(tiny(token_stride=stride), x), x[:, 1])


@pytest.mark.parametrize('bad, message', [(dict(readout='all'), 'readout'), (dict(skip='yes'), 'skip'),
                                          (dict(token_stride=0), 'token_stride')])
def test_bad_settings_are_named(bad, message):
    with pytest.raises(UserError, match=message):
        tiny(**bad)
