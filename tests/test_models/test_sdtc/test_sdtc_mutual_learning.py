"""SMML against a literal transcription of Eq. 6 to 13 in float64, pixel by pixel where the paper has ⊗."""
import pytest
import torch
import torch.nn.functional as F

from mmpose_gss.models.sdtc.mutual_learning import SpatialMotionMutualLearning

B, T, H, W, D = 2, 3, 4, 3, 8


def module(**switches):
    torch.manual_seed(0)
    smml = SpatialMotionMutualLearning(D, T, **switches).double().eval()
    with torch.no_grad():
        for parameter in smml.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
        for buffer in smml.buffers():
            if buffer.is_floating_point():
                buffer.add_(torch.rand_like(buffer))
    return smml


def conv(layer, x):
    return F.conv2d(x, layer.weight, layer.bias, padding=layer.kernel_size[0] // 2)


def batch_norm(layer, x):
    shape = (1, -1, 1, 1)
    return ((x - layer.running_mean.view(shape)) / (layer.running_var.view(shape) + layer.eps).sqrt()
            * layer.weight.view(shape) + layer.bias.view(shape))


def conv_bn_relu(layer, x):
    return batch_norm(layer[1], conv(layer[0], x)).clamp(min=0)


def gather(layer, tokens):
    frames = [tokens[:, t].transpose(1, 2).reshape(B, D, H, W) for t in range(T)]
    return batch_norm(layer.norm, conv(layer.conv, torch.cat(frames, dim=1)))


def softmax(x, dim):
    e = (x - x.amax(dim, keepdim=True)).exp()
    return e / e.sum(dim, keepdim=True)


def refine(layer, feature):
    """Eq. 6 to 8 for each person with plain matrices R (C, HW)."""
    refined = []
    for r in feature.flatten(2):
        o = softmax(r, 0)                                       # Eq. 6: along the channels
        weights = o / o.sum(1, keepdims=True) if layer.context_norm else o
        oc = r @ weights.T                                      # Eq. 7: (C, C)
        refined.append((softmax(r.T @ oc, 1) @ oc.T).T)         # Eq. 8 before Conv
    return conv_bn_relu(layer.conv, torch.stack(refined).view(B, D, H, W))


def smca(layer, source, guidance):
    q, k, v = conv(layer.query, source), conv(layer.key, guidance), conv(layer.value, guidance)
    out = []
    for qi, ki, vi in zip(q.flatten(2), k.flatten(2), v.flatten(2)):
        out.append((softmax(qi.T @ ki / D**0.5, 1) @ vi.T).T)   # Eq. 9, d = number of channels
    return conv_bn_relu(layer.transform, source + torch.stack(out).view(B, D, H, W))


def adaptive(layer, spatial, motion):
    a = conv_bn_relu(layer.conv, torch.cat([spatial, motion], 1))                        # Eq. 11

    def weight(fc):
        return 1 / (1 + (-(torch.einsum('bcyx,oc->boyx', a, fc.weight) + fc.bias[0])).exp())   # Eq. 12
    return (weight(layer.fc_spatial) * conv(layer.conv_spatial, spatial)
            + weight(layer.fc_motion) * conv(layer.conv_motion, motion))                 # Eq. 13


def reference(smml, spatial, motion, steps, fusion):
    r, m = gather(smml.gather_spatial, spatial), gather(smml.gather_motion, motion)
    if 'refine' in steps:
        r, m = refine(smml.refine_spatial, r), refine(smml.refine_motion, m)
    if 'propagate' in steps:
        r, m = smca(smml.inform_spatial, r, m), smca(smml.inform_motion, m, r)           # Eq. 10
    if fusion == 'add':
        return r + m
    if fusion == 'conv':
        return conv_bn_relu(smml.fuse.conv, torch.cat([r, m], 1))
    return adaptive(smml.fuse, r, m)


@pytest.mark.parametrize('context_norm', [False, True])
@pytest.mark.parametrize('steps,fusion', [
    (('refine', 'propagate'), 'adaptive'),    # whole
    ((), 'add'), ((), 'conv'),                # table 4 c, d
    (('refine', ), 'add'),                    # table 6 a
    (('refine', 'propagate'), 'add'),         # table 6 b
])
def test_equals_the_equations(steps, fusion, context_norm):
    smml = module(refine='refine' in steps, propagate='propagate' in steps, fusion=fusion,
                  context_norm=context_norm)
    spatial, motion = torch.randn(2, B, T, H * W, D, dtype=torch.float64)
    expected = reference(smml, spatial, motion, steps, fusion)
    torch.testing.assert_close(smml(spatial, motion, H, W), expected, rtol=1e-9, atol=1e-9)


def test_contexts_as_means_do_not_grow_with_the_map():
    for context_norm, factor in ((False, 4), (True, 1)):
        layer = module(context_norm=context_norm).refine_spatial
        contexts = []
        for repeats in (1, 2):
            pixels = torch.randn(1, D, H, W, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
            pixels = pixels.tile(1, 1, repeats, repeats).flatten(2)
            maps = pixels.softmax(dim=1)
            contexts.append(pixels @ layer.shares(maps).transpose(1, 2))
        torch.testing.assert_close(contexts[1], factor * contexts[0])


def test_stages_are_what_the_pictures_promise():
    stages = module().stages(*torch.randn(2, B, T, H * W, D, dtype=torch.float64), H, W)
    for name in ('context_spatial', 'context_motion'):
        torch.testing.assert_close(stages[name].sum(1), torch.ones(B, H, W, dtype=torch.float64))
    for name in ('attention_spatial', 'attention_motion'):
        assert stages[name].shape == (B, 1, H, W) and 0 < stages[name].min() and stages[name].max() < 1


def test_half_precision_keeps_the_refinement_finite():
    smml = SpatialMotionMutualLearning(D, T).train()
    spatial, motion = 50 * torch.randn(2, B, T, H * W, D)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        out = smml(spatial, motion, H, W)
    out.float().sum().backward()
    assert out.isfinite().all() and all(p.grad.isfinite().all() for p in smml.parameters())


def test_unknown_fusion():
    with pytest.raises(ValueError, match="fusion must be one of .*'sum'"):
        SpatialMotionMutualLearning(D, T, fusion='sum')
