"""GLSMamba's neck: the paper's table, switches, windows, time, precision, compilation."""
import pytest
import torch
from mmpose.models.heads import HeatmapHead

from mmpose_gss.models import GLSMambaNeck
from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.ops.native import library
from mmpose_gss.registry import MODELS
from mmpose_gss.structures.clip_window import ClipWindow

# What the blocks compute is looked at in the key frame's tokens alone; see also test_glsmamba_readout.py.
TINY = dict(in_channels=12, embed_dims=16, num_frames=3, readout='key', skip='none', num_global=1,
            num_local=1, window=(4, 3), scan=dict(d_state=4, dt_rank=2))
BLR = dict(in_channels=768, resolution='1/16', skip='none', sca_ratio=0.425)


def tiny(**changes) -> GLSMambaNeck:
    torch.manual_seed(0)
    neck = GLSMambaNeck(**{**TINY, **changes}).eval()
    for name, param in neck.named_parameters():  # the offset networks start at zero
        if 'offset_and_mask' in name:
            torch.nn.init.normal_(param, std=0.2)
    return neck


def feats(*shape, seed=1):
    return torch.randn(*(shape or (2, 3, 12, 8, 6)), generator=torch.Generator().manual_seed(seed))


def clip(x, key_index=None):
    window = ClipWindow.around(x.shape[1] // 2 if key_index is None else key_index, x.shape[1])
    return ClipFeatures([x], None, window)


def key_map(neck, x, key_index=None):
    out, = neck(clip(x, key_index))
    return out


def all_frames(neck, x):
    """What the key frame would give at every place of the window, ``(B,T,D,h,w)``."""
    return neck.norm(neck.window_tokens(clip(x))).permute(0, 1, 4, 2, 3)


@pytest.mark.parametrize('switches, low, high', [
    (dict(), 9.7, 9.9),
    (dict(scans=('unified', )), 9.0, 9.2),
    (dict(scans=('unified', 'spatial')), 9.4, 9.5),
    (dict(merge='sum'), 9.0, 9.2),
    (BLR, 9.65, 9.95),
], ids=['B', 'unified', 'unified+spatial', 'sum', 'BLR'])
def test_trainable_parameters_are_the_papers(switches, low, high):
    neck = GLSMambaNeck(**{'in_channels': 256, **switches})
    head = HeatmapHead(256, 17, deconv_out_channels=None, final_layer=dict(kernel_size=3, padding=1))
    trainable = sum(param.numel() for module in (neck, head) for param in module.parameters()) / 1e6
    assert low <= trainable <= high


def test_blr_has_the_size_of_b():
    sizes = [sum(p.numel() for p in GLSMambaNeck(**kwargs).parameters())
             for kwargs in (dict(in_channels=256), BLR)]
    assert abs(sizes[0] - sizes[1]) < 0.15e6


@pytest.mark.parametrize('size', [(8, 6), (7, 5), (1, 1), (2, 9), (13, 4)])
@pytest.mark.parametrize('num_frames', [1, 3, 7])
def test_any_odd_window_and_any_map(num_frames, size):
    neck = tiny(num_frames=num_frames)
    out = all_frames(neck, feats(2, num_frames, 12, *size))
    assert out.shape == (2, num_frames, 16, *size)
    assert torch.isfinite(out).all()
    for key in range(num_frames):
        torch.testing.assert_close(key_map(neck, feats(2, num_frames, 12, *size), key), out[:, key])


@pytest.mark.parametrize('resolution, scale', [('1/4', 1), ('1/8', 2), ('1/16', 4)])
def test_coarse_features_give_heatmaps_at_a_quarter(resolution, scale):
    neck = tiny(resolution=resolution)
    out = key_map(neck, feats(), key_index=2)
    assert out.shape == (2, 16, 8 * scale, 6 * scale)
    if scale > 1:  # the key frame asked for, not the middle one
        fine = tiny()
        fine.load_state_dict(neck.state_dict())
        torch.testing.assert_close(out.mean((2, 3)),
                                   key_map(fine, feats(), 2).mean((2, 3)),
                                   atol=2e-2,
                                   rtol=2e-2)


@pytest.mark.parametrize('switches', [
    dict(scans=('unified', )), dict(scans=('unified', 'temporal')), dict(scans=('spatial', ), merge='sum'),
    dict(merge='sum'), dict(num_local=0), dict(num_global=0), dict(num_global=0, num_local=0),
    dict(scan=dict(d_state=4, dt_rank=2, conv='causal1d')), dict(window=(3, 5)), dict(drop_path=0.5),
    dict(ffn_ratio=2., sca_ratio=0.25),
], ids=str)
def test_switches_build_run_and_learn(switches):
    neck = tiny(**switches).train()
    out = key_map(neck, feats())
    assert out.shape == (2, 16, 8, 6)
    out.square().mean().backward()
    assert all(param.grad is not None for param in neck.parameters())


@pytest.mark.parametrize('bad, message', [
    (dict(num_frames=4), 'odd'), (dict(num_frames=0), 'odd'), (dict(resolution='1/2'), 'resolution'),
    (dict(num_global=-1), 'negative'), (dict(embed_dims=18), 'multiple of 4'), (dict(merge='max'), 'merge')])
def test_bad_settings_are_named(bad, message):
    with pytest.raises(ValueError, match=message):
        GLSMambaNeck(**{**TINY, **bad})


@pytest.mark.parametrize('shape', [(2, 5, 12, 8, 6), (2, 3, 11, 8, 6), (2, 12, 8, 6)])
def test_features_of_another_window_are_refused(shape):
    with pytest.raises(ValueError, match='frame_offsets'):
        tiny()(clip(feats(*shape)))


def test_support_frames_change_the_key_frame():
    neck, x = tiny(), feats()
    for frame in (0, 2):
        changed = x.clone()
        changed[:, frame] = feats(seed=5)[:, frame]
        assert (key_map(neck, changed) - key_map(neck, x)).abs().amax() > 1e-3
    alone = tiny(num_frames=1)
    assert key_map(alone, x[:, 1:2]).shape == key_map(neck, x).shape


def test_samples_of_a_batch_do_not_see_each_other():
    neck, x = tiny(), feats()
    torch.testing.assert_close(key_map(neck, x)[:1], key_map(neck, x[:1]), rtol=1e-4, atol=1e-5)


def test_local_blocks_see_their_tube_and_its_rim_only():
    """Tubes are independent; the gate's 3×3 convolution reaches one pixel beyond."""
    neck, x = tiny(num_global=0, num_local=1), feats()
    changed = x.clone()
    changed[..., 0, 0] += 1  # in the first tube of 4×3 pixels
    difference = (all_frames(neck, changed) - all_frames(neck, x)).abs().amax(dim=(0, 1, 2))
    assert (difference[:4, :3] > 0).any()
    assert (difference[4:] == 0).all() and (difference[:, 3:] == 0).all()


def test_larger_map_leaves_complete_tubes_alone():
    """What lies beyond a map's border must not leak into its windows: rows and columns are added, not
    padding."""
    neck, x = tiny(num_global=0, num_local=1), feats(2, 3, 12, 9, 8)
    whole, cut = all_frames(neck, x), all_frames(neck, x[..., :8, :6])
    # The gate's convolution sees the neighbour of the cut's last row and column.
    torch.testing.assert_close(whole[..., :7, :5], cut[..., :7, :5], rtol=1e-4, atol=1e-5)


def test_reversing_the_frames_permutes_the_temporal_scans():
    """On one pixel the temporal pair is time forwards and backwards, so a neck with the frames' own
    parameters in reverse order gives the reversed result; an unchanged neck does not."""
    neck, turned = (tiny(scans=('temporal', ), merge='sum') for _ in range(2))
    turned.load_state_dict(flip_time_state(neck))
    x = feats(2, 3, 12, 1, 1)
    torch.testing.assert_close(
        all_frames(turned, x.flip(1)), all_frames(neck, x).flip(1), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(all_frames(neck, x.flip(1)), all_frames(neck, x).flip(1), atol=1e-4)


def flip_time_state(neck):
    """State of a neck with the frames' own parameters (embedding, channel attention) in reverse order."""
    state, d, t = {k: v.clone() for k, v in neck.state_dict().items()}, 16, 3
    state['encoding.temporal'] = state['encoding.temporal'].flip(0)
    for key, value in neck.state_dict().items():
        if key.endswith('main.0.squeeze.weight'):
            state[key] = value.view(-1, t, d).flip(1).flatten(1)
        elif key.endswith('main.0.excite.weight'):
            state[key] = value.view(t, d, -1).flip(0).flatten(0, 1)
        elif key.endswith('main.0.excite.bias'):
            state[key] = value.view(t, d).flip(0).flatten()
    return state


def test_flipping_the_image_is_seen():
    """Scans and embedding have a left and a right; a flipped input is no flipped output (hence flip test)."""
    neck, x = tiny(), feats()
    assert not torch.allclose(all_frames(neck, x.flip(-1)).flip(-1), all_frames(neck, x), atol=1e-3)
    assert key_map(neck, x.flip(-1)).shape == key_map(neck, x).shape


def test_checkpointing_changes_nothing_but_memory():
    plain, saving = tiny().train(), tiny(with_cp=True).train()
    outs = [key_map(neck, feats()) for neck in (plain, saving)]
    torch.testing.assert_close(*outs)
    for out in outs:
        out.square().sum().backward()
    for (name, one), other in zip(plain.named_parameters(), saving.parameters()):
        torch.testing.assert_close(one.grad, other.grad, msg=name)

    def stored(neck):
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t: sizes.append(t.numel()) or t, lambda t: t):
            neck(clip(feats().requires_grad_()))
        return sum(sizes)
    assert stored(saving) < 0.2 * stored(plain)


def test_mixed_precision_follows_full_precision():
    neck, x = tiny(), feats()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        half = key_map(neck, x)
    full = key_map(neck, x)
    assert ((half.float() - full).norm() / full.norm()) < 0.05
    neck.train()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = key_map(neck, x).float().square().mean()
    loss.backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in neck.parameters())


@pytest.mark.parametrize('switches', [dict(), dict(resolution='1/16'), dict(with_cp=True)], ids=str)
def test_compiles_without_graph_breaks(switches):
    neck, x = tiny(**switches), feats()
    torch._dynamo.reset()
    with torch.no_grad():
        compiled = torch.compile(neck, fullgraph=True, backend='eager')
        torch.testing.assert_close(key_map(compiled, x), key_map(neck, x), rtol=1e-4, atol=1e-5)


def test_compiled_gradients_are_the_same():
    neck, x = tiny(), feats()
    torch._dynamo.reset()
    grads = []
    for run in (neck, torch.compile(neck, fullgraph=True, backend='aot_eager')):
        neck.zero_grad()
        key_map(run, x).square().mean().backward()
        grads.append([param.grad.clone() for param in neck.parameters()])
    for one, other in zip(*grads):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings('ignore:mmpose_gss.ops uses its pure torch scan')
def test_without_the_kernels_it_compiles_and_runs_in_mixed_precision(monkeypatch):
    neck, x = tiny(num_global=0, num_local=1, window=(4, 3)), feats()[:1, :, :, :4, :3]
    expected = key_map(neck, x)
    monkeypatch.setattr(library, '_load', lambda: (None, 'no compiler'))
    torch._dynamo.reset()
    grads = []
    for run in (neck, torch.compile(neck, fullgraph=True, backend='aot_eager')):
        neck.zero_grad()
        out = key_map(run, x)
        torch.testing.assert_close(out, expected, rtol=1e-4, atol=1e-5)
        out.square().mean().backward()
        grads.append([param.grad.clone() for param in neck.parameters()])
    for one, other in zip(*grads):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-6)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        half = key_map(neck, x)
    assert (half.float() - expected).norm() / expected.norm() < 0.05


def test_registered_and_without_losses_of_its_own():
    neck = MODELS.build(dict(type='mmpose_gss.GLSMambaNeck', **TINY))
    (out, ), losses = neck.loss(clip(feats()), [])
    assert losses == {} and out.shape == (2, 16, 8, 6)


def test_learns_to_look_at_another_frame():
    """A target that only the previous frame shows is learnt, which a single frame cannot do."""
    torch.manual_seed(0)
    neck = GLSMambaNeck(**{**TINY, 'in_channels': 4})
    readout = torch.nn.Conv2d(16, 1, 1)
    optimizer = torch.optim.AdamW([*neck.parameters(), *readout.parameters()], lr=3e-3)
    for _ in range(100):
        x = torch.randn(16, 3, 4, 1, 1).expand(-1, -1, -1, 4, 3)
        loss = (readout(key_map(neck, x)) - x[:, 0, :1]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.5  # 1 is guessing
