"""PoseMamba: network, loss and head, against formulas written out plainly."""
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData
from mmpose.models.losses import MPJPEVelocityJointLoss
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch.nn import functional as F

from mmpose_gss.models import PoseLiftingLoss, PoseMamba, PoseMambaHead
from mmpose_gss.models.posemamba.joint_parents import (
    H36M_PARENTS,
    parents_from_links,
    parents_from_metainfo,
)
from mmpose_gss.models.posemamba.pose_mamba_block import PoseMambaMixer
from mmpose_gss.models.posemamba.windows import blend_weights, run_in_windows, window_starts

PARAMETERS = dict(s=1.470, b=4.743, l=9.450)


def small(**kwargs):
    torch.manual_seed(0)
    tiny = dict(embed_dims=8, depth=2, num_frames=6, drop_path_rate=0.0, scan=dict(d_state=4))
    return PoseMamba(**{**tiny, **kwargs})


def plain_scan(u, scan, k):
    """One S6 over a sequence (L,D) in a time loop."""
    rank, states = scan.dt_proj_weight.shape[-1], scan.A_log.shape[-1]
    dt, B, C = (u @ scan.x_proj_weight[k].T).split([rank, states, states], dim=1)
    delta = F.softplus(dt @ scan.dt_proj_weight[k].T + scan.dt_bias[k])
    A, h, out = -scan.A_log[k].exp(), torch.zeros_like(scan.A_log[k]), []
    for t in range(len(u)):
        h = (delta[t][:, None] * A).exp() * h + (delta[t] * u[t])[:, None] * B[t]
        out.append(h @ C[t])
    return torch.stack(out) + u * scan.D[k]


def plain_mixer_scan(x, mixer, parents):
    """The four orders by transposing and flipping (T,J,D), as the paper words them."""
    frames, joints, dim = x.shape
    limbs = x + torch.stack([x[:, p] for p in parents], dim=1)
    total = plain_scan(limbs.reshape(-1, dim), mixer.scan, 0).view(frames, joints, dim)
    turned = x.transpose(0, 1).reshape(-1, dim)
    total = total + plain_scan(turned, mixer.scan, 1).view(joints, frames, dim).transpose(0, 1)
    backwards = plain_scan(limbs.reshape(-1, dim).flip(0), mixer.scan, 2).flip(0)
    total = total + backwards.view(frames, joints, dim)
    backwards = plain_scan(x.transpose(0, 1).reshape(-1, dim).flip(0), mixer.scan, 3).flip(0)
    return total + backwards.view(joints, frames, dim).transpose(0, 1)


@pytest.mark.parametrize('frames', [1, 2, 5])
def test_scans_equal_the_plain_loop_with_exact_gradients(frames):
    torch.manual_seed(1)
    mixer = PoseMambaMixer(8, H36M_PARENTS, scan=dict(d_state=4))
    x = torch.randn(2, frames, 17, 16, requires_grad=True)
    weight = torch.randn(2, frames, 17, 16)
    out = mixer.scan_all(x)
    (out * weight).sum().backward()
    got = {name: p.grad.clone() for name, p in mixer.named_parameters() if p.grad is not None}
    got_x = x.grad.clone()
    mixer.zero_grad()
    x.grad = None
    expected = torch.stack([plain_mixer_scan(clip, mixer, H36M_PARENTS) for clip in x])
    (expected * weight).sum().backward()
    torch.testing.assert_close(out, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(got_x, x.grad, rtol=1e-3, atol=1e-4)
    names = 'x_proj_weight', 'dt_proj_weight', 'dt_bias', 'A_log', 'D'
    assert set(got) == {f'scan.{name}' for name in names}
    for name, gradient in got.items():
        torch.testing.assert_close(gradient, dict(mixer.named_parameters())[name].grad, rtol=1e-3, atol=1e-3)


def test_limb_term_sends_gradients_to_the_parents():
    mixer = PoseMambaMixer(8, H36M_PARENTS, scan=dict(d_state=4))
    with torch.no_grad():  # only the skip of the first order is left: y = D (x + x[parents])
        mixer.scan.x_proj_weight.zero_()
        mixer.scan.D.zero_()[0] = 1
    x = torch.randn(1, 2, 17, 16, requires_grad=True)
    mixer.scan_all(x).sum().backward()
    children = torch.bincount(torch.tensor(H36M_PARENTS), minlength=17)
    torch.testing.assert_close(x.grad[0, 0, :, 0], 1.0 + children)


@pytest.mark.parametrize('size', PARAMETERS)
def test_parameters(size, root):
    path = root / f'configs/body_3d_keypoint/posemamba/h36m/posemamba-{size}-243frm_8xb4-120e_h36m.py'
    model = MODELS.build(Config.fromfile(str(path)).model)
    count = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert abs(count / 1e6 - PARAMETERS[size]) <= 0.005


def test_shorter_clips_use_the_beginning_of_the_frame_table():
    model = small().eval()
    torch.nn.init.normal_(model.frame_table)
    x = torch.rand(2, 4, 17, 2)
    out = model(x)
    assert out.shape == (2, 4, 17, 8)
    cut = small(num_frames=4).eval()
    state = model.state_dict()
    state['frame_table'] = state['frame_table'][:, :4]
    cut.load_state_dict(state)
    torch.testing.assert_close(cut(x), out)


def test_longer_clips_run_in_windows():
    model = small(window_overlap=2).eval()
    x = torch.rand(1, 15, 17, 2)
    out = model(x)
    assert out.shape == (1, 15, 17, 8)
    torch.testing.assert_close(out[:, :4], model(x[:, :6])[:, :4])  # the first window alone
    torch.testing.assert_close(out[:, -1], model(x[:, 9:])[:, -1])  # the last window alone
    with pytest.raises(ValueError, match='training clip of 15 frames is longer than num_frames=6'):
        model.train()(x)


@pytest.mark.parametrize('length,window,overlap', [
    (5, 6, 2), (6, 6, 0), (7, 6, 2), (40, 6, 0), (40, 6, 5), (13, 4, 1)])
def test_windows_cover_and_blend(length, window, overlap):
    starts = window_starts(length, window, overlap)
    covered = np.zeros(length, int)
    for start in starts:
        covered[start:start + window] += 1
        assert length <= window or 0 <= start <= length - window
    assert covered.min() >= 1 and len(set(starts)) == len(starts)
    assert all(a + window - b >= overlap for a, b in zip(starts, starts[1:]))
    total = torch.zeros(length)
    for start, weight in zip(starts, blend_weights(starts, window, length)):
        total[start:start + window] += weight
    torch.testing.assert_close(total, torch.ones(length))
    x = torch.randn(2, length, 3)
    torch.testing.assert_close(run_in_windows(lambda clip: clip * 2, x, window, overlap), x * 2)


@pytest.mark.parametrize('shape,message', [
    ((2, 3, 17), r'\(B,T,J,C\)'), ((1, 3, 16, 2), 'num_joints=17, but the input has 16'),
    ((1, 3, 17, 3), 'in_channels=2, but the input has 3'), ((1, 0, 17, 2), 'without frames')])
def test_wrong_shapes_are_named(shape, message):
    with pytest.raises(ValueError, match=message):
        small().eval()(torch.zeros(shape))


def test_wrong_arguments_and_values_are_named():
    x = torch.zeros(1, 3, 17, 2)
    x[0, 1, 2, 0] = float('nan')
    with pytest.raises(ValueError, match='NaN'):
        small().eval()(x)
    with pytest.raises(ValueError, match='depth to be a positive integer'):
        small(depth=0)
    with pytest.raises(ValueError, match='joint_parents is needed for a skeleton of 15'):
        small(num_joints=15)
    with pytest.raises(ValueError, match='3 entries for num_joints=17'):
        small(joint_parents=[0, 0, 1])
    with pytest.raises(ValueError, match=r'joint_parents\[2\] is 17'):
        small(joint_parents=[0, 0, 17, *range(14)])
    with pytest.raises(ValueError, match="unknown skeleton 'martian'"):
        small(joint_parents='martian')
    with pytest.raises(ValueError, match='skeleton of coco_wholebody has 133 joints, but num_joints=17'):
        small(joint_parents='coco_wholebody')
    with pytest.raises(ValueError, match='window_overlap'):
        small(window_overlap=6)


def test_parents_come_from_the_skeleton():
    assert small().joint_parents == small(joint_parents='h36m').joint_parents == H36M_PARENTS
    names = ('head_top', 'neck', 'right_shoulder', 'right_elbow', 'right_wrist', 'left_shoulder',
             'left_elbow', 'left_wrist', 'right_hip', 'right_knee', 'right_ankle', 'left_hip', 'left_knee',
             'left_ankle', 'root', 'spine', 'head')
    parents = dict(zip(names, (names[p] for p in parents_from_metainfo('mpi_inf_3dhp'))))
    assert parents['root'] == 'root' and parents['spine'] == 'root' and parents['neck'] == 'spine'
    assert parents['head_top'] == 'head' and parents['left_wrist'] == 'left_elbow'
    assert parents['left_shoulder'] == 'neck' and parents['right_hip'] == 'root'
    assert parents_from_links([(0, 1), (2, 1)], 4, 2) == (1, 2, 2, 3)  # joint 3 is linked to nothing
    own = dict(dataset_name='own', keypoint_id2name={0: 'root', 1: 'a', 2: 'b'},
               skeleton_links=[(0, 1), (1, 2)])
    assert small(num_joints=3, joint_parents=own).joint_parents == (0, 0, 1)
    assert small(num_joints=3, joint_parents={**own, 'joint_parents': [0, 0, 0]}).joint_parents == (0, 0, 0)


def test_loss_equals_the_formulas():
    torch.manual_seed(0)
    pred, target = torch.randn(2, 5, 17, 3), torch.randn(2, 5, 17, 3)
    losses = PoseLiftingLoss()(pred, target)
    assert set(losses) == {'loss_mpjpe', 'loss_n_mpjpe', 'loss_velocity', 'loss_temporal'}
    three = losses['loss_mpjpe'] + losses['loss_n_mpjpe'] + losses['loss_velocity']
    torch.testing.assert_close(three, MPJPEVelocityJointLoss()(pred, target))
    weights = torch.tensor([1, 1, 2.5, 2.5, 1, 2.5, 2.5, 1, 1, 1, 1.5, 1.5, 4, 4, 1.5, 4, 4])
    square = (pred[:, 1:] - pred[:, :-1]) ** 2
    temporal = 0.5 * (square * weights[:, None]).sum() / square.numel()
    torch.testing.assert_close(losses['loss_temporal'], temporal)
    single = PoseLiftingLoss()(pred[:, :1], target[:, :1])
    assert single['loss_velocity'] == single['loss_temporal'] == 0
    pred = torch.zeros(1, 3, 17, 3, requires_grad=True)  # all joints in one place: no NaN
    sum(PoseLiftingLoss()(pred, pred.detach()).values()).backward()
    assert torch.isfinite(pred.grad).all()
    half = torch.ones(2, 5, 17)
    half[1] = 0
    masked = PoseLiftingLoss()(target, target + half[..., None], half)
    assert masked['loss_mpjpe'] == pytest.approx(3 ** 0.5 / 2)
    with pytest.raises(ValueError, match='joint_weights has 17 entries for 15 joints'):
        PoseLiftingLoss()(torch.zeros(1, 2, 15, 3), torch.zeros(1, 2, 15, 3))


def test_head_predicts_metres_and_averages_the_mirrored_clip():
    torch.manual_seed(0)
    head = PoseMambaHead(in_channels=4)
    flip = [0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 11, 12, 13]
    factor = np.array([2.0, 3.0], np.float32)
    sample = PoseDataSample(
        metainfo=dict(flip_indices=flip, camera_param=dict(w=1000, h=1002), factor=factor))
    plain, mirrored = torch.randn(1, 2, 17, 4), torch.randn(1, 2, 17, 4)
    with torch.no_grad():
        got = head.predict([plain, mirrored], [sample], test_cfg=dict(flip_test=True))[0].keypoints
        back = head(mirrored)[0].numpy()[:, flip] * [-1, 1, 1]
        mean = (head(plain)[0].numpy() + back) / 2
    mean[:, 0] = 0
    pixels = np.concatenate([(mean[..., :2] + [1, 1.002]) * 500, mean[..., 2:] * 500], axis=-1)
    metric = pixels * factor[:, None, None]
    np.testing.assert_allclose(got, (metric - metric[:, :1]) / 1000, atol=1e-5)
    sample = PoseDataSample(metainfo=dict(flip_indices=flip))
    with torch.no_grad():
        bare = head.predict(plain, [sample])[0]
        expected = head(plain)[0].numpy()
    expected[:, 0] = 0
    np.testing.assert_allclose(bare.keypoints, expected, atol=1e-6)
    assert bare.keypoint_scores.shape == (2, 17)


def test_lifter_predicts_and_trains_through_mmpose():
    torch.manual_seed(0)
    model = MODELS.build(dict(
        type='PoseLifter', test_cfg=dict(flip_test=True),
        backbone=dict(type='mmpose_gss.PoseMamba', embed_dims=8, depth=1, num_frames=4,
                      scan=dict(d_state=4)),
        head=dict(type='mmpose_gss.PoseMambaHead', in_channels=8)))
    sample = PoseDataSample(metainfo=dict(flip_indices=list(range(17))))
    sample.gt_instance_labels = InstanceData(
        lifting_target_label=torch.randn(4, 17, 3), lifting_target_weight=torch.ones(4, 17))
    x = torch.rand(1, 4, 17, 2)
    losses = model(x, [sample], mode='loss')
    total, logs = model.parse_losses(losses)
    assert {'loss_mpjpe', 'loss_n_mpjpe', 'loss_velocity', 'loss_temporal', 'mpjpe'} <= set(logs)
    terms = sum(losses[name] for name in losses if name.startswith('loss_'))
    torch.testing.assert_close(total, terms)
    total.backward()
    assert all(p.grad is not None for p in model.parameters())
    with torch.no_grad():
        out = model.eval()(x, [sample], mode='predict')[0]
    assert out.pred_instances.keypoints.shape == (4, 17, 3)


def test_naive_backend_gives_the_same():
    fast, naive = PoseMamba(depth=1).eval(), PoseMamba(depth=1, scan=dict(backend='naive')).eval()
    naive.load_state_dict(fast.state_dict())
    x = torch.rand(1, 81, 17, 2)
    with torch.no_grad():
        torch.testing.assert_close(fast(x), naive(x), rtol=1e-3, atol=1e-4)
