"""SDTC's attention layers against plain einsum transcriptions of Eq. 2, 3 and 9, in float64."""
import torch

from mmpose_gss.models.layers.attention import DividedAttention, JointAttention, MultiHeadSelfAttention
from mmpose_gss.models.sdtc.motion_encoder import MotionLevel
from mmpose_gss.models.sdtc.mutual_learning import SpatialMotionCrossAttention

B, T, L, D, HEADS = 2, 5, 12, 16, 4


def norm(layer, x):
    x = x - x.mean(-1, keepdim=True)
    return x / (x.square().mean(-1, keepdim=True) + layer.eps).sqrt() * layer.weight + layer.bias


def attend(layer, x, pattern):
    """Multi-head attention along one letter of a pattern such as 'btld': einsum and softmax only."""
    weight, bias = layer.qkv.weight, layer.qkv.bias
    q, k, v = (torch.einsum('...d,ed->...e', x, weight[i * D:(i + 1) * D]) + bias[i * D:(i + 1) * D]
               for i in range(3))
    split = [y.unflatten(-1, (HEADS, D // HEADS)) for y in (q, k, v)]
    logits = {'joint': 'btlhc,bsmhc->bhtlsm', 'time': 'btlhc,bslhc->bhlts', 'space': 'btlhc,btmhc->bhtlm'}
    gather = {'joint': 'bhtlsm,bsmhc->btlhc', 'time': 'bhlts,bslhc->btlhc', 'space': 'bhtlm,btmhc->btlhc'}
    score = torch.einsum(logits[pattern], split[0], split[1]) / (D // HEADS)**0.5
    if pattern == 'joint':
        score = score.flatten(-2).softmax(-1).view_as(score)
    else:
        score = score.softmax(-1)
    out = torch.einsum(gather[pattern], score, split[2]).flatten(-2)
    return torch.einsum('...d,ed->...e', out, layer.proj.weight) + layer.proj.bias


def feed(ffn, x):
    hidden = torch.einsum('...d,ed->...e', x, ffn.expand.weight) + ffn.expand.bias
    hidden = hidden * 0.5 * (1 + torch.erf(hidden / 2**0.5))
    return torch.einsum('...d,ed->...e', hidden, ffn.reduce.weight) + ffn.reduce.bias


def tokens():
    torch.manual_seed(0)
    return torch.randn(B, T, L, D, dtype=torch.float64)


def perturbed(module):
    """Float64, with no parameter left at a neutral value."""
    module = module.double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return module


def joint_reference(layer, x):
    x = x + attend(layer.attention, norm(layer.norm, x), 'joint')
    return x if layer.ffn is None else x + feed(layer.ffn, norm(layer.ffn_norm, x))


def divided_reference(layer, x):
    x = x + attend(layer.temporal, norm(layer.temporal_norm, x), 'time')
    x = x + attend(layer.spatial, norm(layer.spatial_norm, x), 'space')
    return x + feed(layer.ffn, norm(layer.ffn_norm, x))


def test_joint_attention():
    x = tokens()
    for ratio in (None, 2.0):
        layer = perturbed(JointAttention(D, HEADS, ratio))
        torch.testing.assert_close(layer(x), joint_reference(layer, x), rtol=1e-10, atol=1e-10)


def test_divided_attention():
    layer, x = perturbed(DividedAttention(D, HEADS, 4)), tokens()
    torch.testing.assert_close(layer(x), divided_reference(layer, x), rtol=1e-10, atol=1e-10)


def test_level_mixes_joint_then_divided():
    level, x = perturbed(MotionLevel(D, HEADS, num_joint=1, num_divided=2, ffn_ratio=2)), tokens()
    expected = joint_reference(level.joint[0], x)
    for layer in level.divided:
        expected = divided_reference(layer, expected)
    torch.testing.assert_close(level(x), expected, rtol=1e-10, atol=1e-10)


def test_recomputing_activations_changes_nothing():
    gradients = []
    for with_cp in (False, True):
        torch.manual_seed(0)
        level = MotionLevel(D, HEADS, 1, 2, 2, with_cp=with_cp).double().train()
        x = tokens().requires_grad_()
        level(x).square().sum().backward()
        gradients.append([x.grad] + [p.grad for p in level.parameters()])
    for plain, recomputed in zip(*gradients):
        torch.testing.assert_close(plain, recomputed)


def test_heads_must_divide_channels():
    try:
        MultiHeadSelfAttention(10, 4)
    except ValueError as error:
        assert 'num_heads (4)' in str(error)
    else:
        raise AssertionError('accepted')


def test_cross_attention_is_equation_9():
    layer = perturbed(SpatialMotionCrossAttention(D)).eval()
    source, guidance = torch.randn(2, B, D, 4, 3, dtype=torch.float64)
    with torch.no_grad():
        layer.transform[1].running_mean.normal_()

    def conv1x1(conv, x):
        return torch.einsum('oc,bcyx->boyx', conv.weight[:, :, 0, 0], x) + conv.bias[:, None, None]
    q, k, v = conv1x1(layer.query, source), conv1x1(layer.key, guidance), conv1x1(layer.value, guidance)
    score = torch.einsum('bcyx,bcvu->byxvu', q, k) / D**0.5
    score = score.flatten(3).softmax(-1).view_as(score)
    attended = torch.einsum('byxvu,bcvu->bcyx', score, v)
    expected = layer.transform(source + attended)
    torch.testing.assert_close(layer(source, guidance), expected, rtol=1e-10, atol=1e-10)
