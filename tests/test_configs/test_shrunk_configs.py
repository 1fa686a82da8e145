"""Every shipped config runs forward and backward, shrunk: all widths by one factor, all sizes by another.

A number that does not fit its neighbour in the config does not fit it shrunk either, as each is divided by
itself. Crops and targets come from the config's own pipeline. Of sizes of one method (small, base ...) and of
equal models for several data sets one is run.
"""
from copy import deepcopy

import numpy as np
import pytest
import torch
from mmengine.dataset import Compose, pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmpose.registry import MODELS
from shipped_configs import LIFTING, VIDEO_2D, by_model, group_name, load, unread_datasets

WIDTH = 16
#: Arguments that are widths, wherever they stand in a model.
WIDTHS = ('in_channels', 'embed_dims', 'feedforward_channels', 'out_channels', 'deconv_out_channels')
#: Depths of encoders and necks, cut to one.
DEPTHS = ('num_global', 'num_local', 'depth', 'num_divided', 'num_layers', 'num_modules', 'num_blocks')
#: What sizes of a method and data sets change, beside widths: not the way of the data through the model.
SIZES = ('arch', 'in_channels', 'out_channels', 'checkpoint', 'drop_path_rate', 'out_indices', 'input_size',
         'heatmap_size', 'sigma', 'num_keypoints')


def divide(numbers, by):
    """An integer or several, divided; nothing is lost."""
    assert all(n % by == 0 for n in np.ravel(numbers)), f'{numbers} is no multiple of {by}'
    return int(numbers // by) if isinstance(numbers, int) else tuple(int(n // by) for n in numbers)


def shrink_vit(vit):
    """Write a ViT's size out, with as many layers as it has outputs."""
    arch = vit.arch if isinstance(vit.arch, dict) else MODELS.get(vit.type).arch_zoo[vit.arch]
    outputs = len(vit.get('out_indices', (-1, )))
    vit.arch = dict(embed_dims=divide(arch['embed_dims'], WIDTH), num_layers=outputs,
                    num_heads=arch['num_heads'],
                    feedforward_channels=divide(arch['feedforward_channels'], WIDTH))
    if outputs > 1:
        vit.out_indices = tuple(range(outputs))
    vit.img_size = divide(vit.img_size, 4)


def shrink_part(part):
    """Divide all widths and cut all depths of a nested part; small numbers (joints, RGB) are no widths."""
    for key, value in part.items():
        if isinstance(value, dict):
            shrink_part(value)
        elif key in WIDTHS and value and all(n % WIDTH == 0 for n in np.ravel(value)):
            part[key] = divide(value, WIDTH)
        elif key == 'num_channels':  # of HRNet, whose channels are small already
            part[key] = tuple(max(n // WIDTH, 1) for n in value)
        elif key in DEPTHS and value:
            part[key] = (1, ) * len(value) if isinstance(value, (list, tuple)) else 1


def without_files(part):
    """Forget checkpoints."""
    if (part.get('init_cfg') or {}).get('type') == 'Pretrained':
        part.init_cfg = None
    for value in part.values():
        if isinstance(value, dict):
            without_files(value)


def shrink(cfg):
    """Cut widths, depths and sizes of a 2D config, in the model and in the pipelines; small encoders stay."""
    model = cfg.model
    without_files(model)
    if model.backbone.backbone.type == 'ResNet':
        return
    # 16 pixels are a patch of the ViT.
    size = 4 if all(n % (4 * 16) == 0 for n in cfg.codec.input_size) else 3
    for part in (model.backbone, model.get('neck') or {}, model.head):
        shrink_part(part)
    if model.backbone.backbone.type.endswith('VisionTransformer'):
        shrink_vit(model.backbone.backbone)
    for codec in [model.head.decoder, cfg.train_dataloader.dataset.pipeline[-2].encoder]:
        codec.input_size = divide(codec.input_size, size)
        codec.heatmap_size = divide(codec.heatmap_size, size)
    for loader in ('train_dataloader', 'val_dataloader'):
        for step in cfg[loader].dataset.pipeline:
            if step.type == 'mmpose.TopdownAffine':
                step.input_size = divide(step.input_size, size)
    if model.get('neck', {}).get('norm_map_size'):
        model.neck.norm_map_size = divide(model.neck.norm_map_size, size)


def person(dataset, window):
    """A sample as the data set gives it, with frames in memory."""
    rng = np.random.default_rng(0)
    meta = dataset.metainfo
    joints = meta['num_keypoints']
    sample = dict(
        img=[rng.integers(0, 255, (90, 80, 3), dtype=np.uint8) for _ in window.offsets],
        key_index=window.key_index,
        img_paths=[''] * window.num_frames, frame_offsets=window.offsets,
        bbox=np.array([[20, 10, 60, 80]], dtype=np.float32), bbox_score=np.ones(1, dtype=np.float32),
        id=1, img_id=1,
        keypoints=rng.uniform((25, 15), (55, 75), (1, joints, 2)).astype(np.float32),
        keypoints_visible=np.ones((1, joints), dtype=np.float32))
    keys = ('upper_body_ids', 'lower_body_ids', 'flip_pairs', 'flip_indices', 'dataset_keypoint_weights')
    return {**sample, **{key: deepcopy(meta[key]) for key in keys}}


def batch_of(cfg, loader):
    """A sample through the pipeline of a loader."""
    dataset = dict(unread_datasets(cfg))[loader]
    pipeline = Compose(cfg[loader].dataset.pipeline)
    np.random.seed(0)
    return pseudo_collate([pipeline(person(dataset, dataset.window))])


@pytest.mark.parametrize('group', by_model(VIDEO_2D, ignoring=SIZES), ids=group_name)
def test_video_config_runs(group):
    cfg = load(group[0])
    shrink(cfg)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    model.train()
    logs = model.train_step(batch_of(cfg, 'train_dataloader'), wrapper)
    assert np.isfinite(logs['loss'].item())
    trained = [n for n, p in model.named_parameters() if p.requires_grad]
    assert trained and all(torch.isfinite(p).all() for p in model.parameters())
    model.eval()
    with torch.no_grad():
        result = model.test_step(batch_of(cfg, 'val_dataloader'))[0]
    assert result.pred_instances.keypoints.shape == (1, cfg.num_joints, 2)


@pytest.mark.parametrize('group', by_model(LIFTING, ignoring=('depth', 'num_frames')), ids=group_name)
def test_lifting_config_runs(group):
    cfg = load(group[0])
    cfg.model.backbone.update(depth=1)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    backbone = cfg.model.backbone
    x = torch.randn(2, 9, backbone.num_joints, backbone.get('in_channels', 2))
    out = model.head.forward(model.extract_feat(x))
    assert out.shape == (2, 9, backbone.num_joints, 3)
    out.square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())
